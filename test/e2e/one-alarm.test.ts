import { expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { startNats } from "../helpers/nats.ts";
import { acceptOne, stagesOf } from "./alarms.ts";
import { listenAs } from "./collector.ts";
import { startAgent, startHub } from "./programs.ts";

const CENTERS = ["arc-north", "arc-south"];
const THROUGH_MS_MAX = 1_000;

interface HeldAlarm {
  acceptedAt: string;
  heldAt: string;
  settledAt?: string;
  deliveries: { center: string; state: string; attempt: number; dispatchedAt?: string; receivedAt?: string }[];
  trail: { at: string; kind: string; center?: string }[];
}

test("within a second of its 201, an alarm's stages stand at agent and hub, each with its own time", async ({
  annotate,
}) => {
  const nats = await startNats();
  const hub = await startHub({ natsUrl: nats.url, centers: CENTERS });
  const agent = await startAgent("gw-1", nats.url);
  for (const center of CENTERS) await listenAs(center, nats.url);

  const id = await acceptOne(agent, { point: "door", category: "intrusion" });
  const acceptedMs = performance.now();
  const received = CENTERS.map((center) =>
    expect.objectContaining({ center, state: "received", receivedAt: expect.any(String) }),
  );
  await eventually(
    "its stages stand at both",
    async () => {
      const { stages } = await stagesOf(agent, id);
      expect(stages.deliveries).toEqual(expect.arrayContaining(received));
      const held = await hub.get<HeldAlarm>(`/v1/alarms/${id}`);
      expect(held.deliveries).toEqual(expect.arrayContaining(received));
      expect(stages.settledAt).toBeDefined();
      expect(held.settledAt).toBeDefined();
      return true;
    },
    { timeoutMs: THROUGH_MS_MAX, everyMs: 5 },
  );
  await annotate(`all stages stood at both ${Math.round(performance.now() - acceptedMs)} ms after the answer`);

  const { stages } = await stagesOf(agent, id);
  const held = await hub.get<HeldAlarm>(`/v1/alarms/${id}`);
  expectRising([stages.acceptedAt, stages.relayedAt]);
  for (const delivery of held.deliveries) {
    expect(delivery.attempt).toBe(1);
    expectRising([held.acceptedAt, held.heldAt, delivery.dispatchedAt, delivery.receivedAt]);
    expectRising([delivery.receivedAt, held.settledAt]);
    expect(stages.deliveries.find(({ center }) => center === delivery.center)?.receivedAt).toBe(delivery.receivedAt);
  }
  expect([stages.heldAt, stages.settledAt]).toEqual([held.heldAt, held.settledAt]);
});

/** Times of one clock, each no earlier than the one before it. */
function expectRising(times: (string | undefined)[]): void {
  expect(times).not.toContain(undefined);
  expect([...times].sort()).toEqual(times);
}
