import { expect, test } from "vitest";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { openSqliteReader } from "../../../shared/sqlite/read.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTERS, ledgerFixture, T0 } from "./ledger-fixture.ts";

test("alarms that are dispatched, received and settled take no more pages than before", async () => {
  const { ledger, holdMany, dispatch, happen } = ledgerFixture();
  const status: Partial<Alarm> = { category: "other", event: "status" };
  for (let first = 1; first <= 3_000; first += 500) await holdMany(first, first + 499, status);
  const db = openSqliteReader(ledger.path);
  whenTestFinished(() => {
    db.close();
  });
  const pages = (): unknown =>
    db.prepare("SELECT name, count(*) AS pages FROM dbstat WHERE name IN ('alarm', 'delivery') GROUP BY name").all();
  const before = pages();
  expect(before).toEqual([
    { name: "alarm", pages: expect.any(Number) },
    { name: "delivery", pages: expect.any(Number) },
  ]);

  for (const center of CENTERS) {
    for (let frame = 0; frame < 3; frame++) await dispatch(center);
    for (let first = 1; first <= 3_000; first += 300) {
      await happen(
        "received",
        center,
        Array.from({ length: 300 }, (_, i) => `gw-1.e1.${first + i}`),
      );
    }
  }
  expect(db.prepare("SELECT count(*) AS closed FROM alarm WHERE closed_at IS NOT NULL").get()).toEqual({
    closed: 3_000,
  });
  expect(pages()).toEqual(before);
});

test("a raise that the next one of its point takes over, or a clear ends, may lie in the same frame", async () => {
  const { ledger, reader } = ledgerFixture();
  const point = { category: "intrusion", point: "door", condition: "intrusion" } as const;
  await ledger.write(() =>
    ledger.hold(
      {
        ...{ agent: "gw-1", lane: 1, relayedAgain: false, isMarked: false },
        router: () => ({ route: "default", centers: [CENTERS[0] as string], require: 1 }),
        alarms: (["raised", "raised", "cleared", "raised"] as const).map((event, i) => {
          const id = `gw-1.e1.${i + 1}`;
          const acceptedAt = new Date(T0).toISOString();
          const alarm: Alarm = { id, agent: "gw-1", ...point, event, priority: "high", acceptedAt };
          return { alarm, encoded: JSON.stringify(alarm) };
        }),
      },
      T0,
    ),
  );
  const states = reader.alarms({}, { limit: 10 }).items.map(({ id, condition }) => [id, condition]);
  expect(states.reverse()).toEqual([
    ["gw-1.e1.1", "none"],
    ["gw-1.e1.2", "cleared"],
    ["gw-1.e1.3", "none"],
    ["gw-1.e1.4", "raised"],
  ]);
});
