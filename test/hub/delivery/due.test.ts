import { expect, test } from "vitest";
import { RETRY_MS_MAX, retryDelayMs } from "../../../hub/delivery/state.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startFlow } from "../flow-fixture.ts";
import { CENTERS, ledgerFixture } from "../ledger/ledger-fixture.ts";

const DAY_MS = 86_400_000;

test.each([DAY_MS, -DAY_MS])(
  "a center whose clock is wrong by %i ms and fails is asked again when anybody would be",
  async (wrongMs) => {
    const { hub, publish, delivered, receipt } = await startFlow();
    await publish([alarm(1)]);
    await eventually("it is delivered", () => delivered.length === 1);
    const before = Date.now();
    await receipt("failed", [alarm(1).id], { at: new Date(before + wrongMs).toISOString(), reason: "no" });
    const dueAt = await eventually("it has failed", async () => {
      const { deliveries } = (await (await fetch(`${hub.url}/v1/alarms/${alarm(1).id}`)).json()) as {
        deliveries: { dueAt?: string }[];
      };
      return deliveries[0]?.dueAt;
    });
    expect(Date.parse(dueAt)).toBeGreaterThanOrEqual(before + retryDelayMs(1));
    expect(Date.parse(dueAt)).toBeLessThanOrEqual(Date.now() + retryDelayMs(1));
    await eventually("it comes again", () => delivered.length === 2);
  },
);

test("what is due does not wait for a time from which the hub's clock was turned back", async () => {
  const { ledger, hold, dispatch, happen } = ledgerFixture();
  const [center = ""] = CENTERS;
  const id = await hold({ seq: 1 });
  await dispatch(center);
  await happen("failed", center, [id], { reason: "no" });
  const centerId = ledger.names.centerId(center);
  const dueAt = (nowMs: number) =>
    ledger.outbox.due(centerId, 1, nowMs, { alarmsMax: 10, bytesMax: 1e6 }).map((item) => item.id);
  const nowMs = Date.now();
  expect(dueAt(nowMs - 100)).toEqual([]);
  expect(dueAt(nowMs + retryDelayMs(1) + 100)).toEqual([id]);
  expect(dueAt(nowMs - RETRY_MS_MAX / 2)).toEqual([]);
  expect(dueAt(nowMs - DAY_MS)).toEqual([id]);
});
