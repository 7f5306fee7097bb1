import { expect, test } from "vitest";
import type { FramePublisher } from "../../../agent/relay/types.ts";
import { PRIORITIES, type Priority } from "../../../shared/alarm/priority.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, openQueue, reports } from "../queue/open.ts";
import { HubStandIn, type SeenFrame } from "./hub-stand-in.ts";
import { startRelay } from "./start-relay.ts";

/** The seqs of one lane in the order in which the log has them, without what is marked. */
function firstSeqs(frames: readonly SeenFrame[], priority: Priority): number[] {
  return frames.filter((frame) => frame.priority === priority && !frame.again).flatMap((frame) => frame.seqs);
}

function expectRising(seqs: readonly number[]): void {
  for (let i = 1; i < seqs.length; i++) expect(seqs[i]).toBeGreaterThan(seqs[i - 1] as number);
}

test("an alarm is relayed at once and alone, and its held stage comes back", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue, link } = startRelay({ natsUrl: nats.url });
  await link.waitConnected(5_000);
  const id = await acceptOne(queue, { category: "fire" });
  await eventually("it is held", () => queue.get(id)?.stages.heldAt);
  expect(hub.frames).toEqual([{ priority: "critical", seqs: [1], ids: [id], again: false, streamSeq: 1 }]);
  await eventually("it is relayed", () => queue.get(id)?.stages.relayedAt);
  expect(queue.get(id)?.stages.deliveries).toEqual([{ center: "a", state: "pending" }]);
});

test("a backlog goes in full frames, each lane in order", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const queue = openQueue();
  for (let i = 0; i < 12; i++) {
    await queue.accept(
      PRIORITIES.flatMap((priority) => reports(100, { priority })),
      { input: "test" },
    );
  }
  startRelay({ natsUrl: nats.url, queue });
  await eventually("all are held", () => hub.alarms.length >= 4_800);
  expect(new Set(hub.alarms.map((alarm) => alarm.id)).size).toBe(4_800);
  for (const priority of PRIORITIES) {
    const seqs = firstSeqs(hub.frames, priority);
    expect(seqs.length).toBe(1_200);
    expectRising(seqs);
    expect(hub.frames.filter((frame) => frame.priority === priority).map((frame) => frame.seqs.length)).toEqual([
      512, 512, 176,
    ]);
  }
});

test("order within a lane holds and nothing is missing while nats-server is killed and started again", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue, custody } = startRelay({ natsUrl: nats.url, askEveryMs: 500 });
  const total = 6_000;
  const feeding = (async () => {
    for (let i = 0; i < total / 20; i++) {
      await queue.accept([...reports(15), ...reports(5, { priority: "critical" })], { input: "test" });
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let i = 0; i < 3; i++) {
    await eventually("some more arrived", () => hub.alarms.length > 100 * (i + 1));
    await nats.kill();
    await eventually("the hub has noticed", () => !hub.link.connected);
    await nats.restart();
    hub.frames.length = 0;
    hub.alarms.length = 0;
    await hub.link.waitConnected(20_000);
    hub.follow();
  }
  await feeding;
  await eventually("all are held", () => new Set(hub.alarms.map((alarm) => alarm.id)).size === total, {
    timeoutMs: 30_000,
  });
  expectRising(firstSeqs(hub.frames, "low"));
  expectRising(firstSeqs(hub.frames, "critical"));
  await eventually("the hub answers again", () => custody.trouble === undefined);
});

test("a restart of the agent gives no id twice and relays what had no PubAck", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const dataDir = tempDir("queue");
  const bodies = new Map<string, string>();
  for (let start = 0; start < 4; start++) {
    const queue = openQueue({ dataDir });
    const setup = startRelay({ natsUrl: nats.url, queue });
    for (let i = 0; i < 50; i++) await acceptOne(queue, { text: `${start} ${i}` });
    await setup.stop();
    await queue.close();
  }
  startRelay({ natsUrl: nats.url, queue: openQueue({ dataDir }) });
  await eventually("all are held", () => new Set(hub.alarms.map((alarm) => alarm.id)).size === 200);
  for (const alarm of hub.alarms) {
    expect(bodies.get(alarm.id) ?? alarm.text).toBe(alarm.text);
    bodies.set(alarm.id, alarm.text ?? "");
  }
  expect(new Set(bodies.values()).size).toBe(200);
});

test("a critical alarm overtakes a backlog, and the backlog still moves behind endless critical ones", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const queue = openQueue();
  for (let i = 0; i < 20; i++) await queue.accept(reports(1_000), { input: "test" });
  for (let i = 0; i < 20; i++) await queue.accept(reports(1_000, { priority: "critical" }), { input: "test" });
  startRelay({ natsUrl: nats.url, queue });
  await eventually("all are held", () => hub.alarms.length === 40_000, { timeoutMs: 30_000 });
  const order = hub.frames.map((frame) => frame.priority);
  const lastCritical = order.lastIndexOf("critical");
  const lowBefore = order.slice(0, lastCritical).filter((priority) => priority === "low").length;
  const critical = order.filter((priority) => priority === "critical").length;
  expect(lowBefore).toBeGreaterThanOrEqual(Math.floor(critical / 8) - 1);
  expect(lowBefore).toBeLessThanOrEqual(Math.ceil(critical / 8) + 2);
});

test("a frame without an answer is sent again unchanged, under the same id", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const sent: { msgId: string; payload: string }[] = [];
  let cut = 3;
  const { queue } = startRelay({
    natsUrl: nats.url,
    publisher: (real): FramePublisher => ({
      async publish(subject, payload, options) {
        sent.push({ msgId: options.msgId, payload });
        const ack = await real.publish(subject, payload, options);
        // The answer gets lost on the way: the outcome is open.
        if (cut-- > 0) throw new RelayError("timeout", "no PubAck in time");
        return ack;
      },
    }),
  });
  await acceptOne(queue);
  await eventually("it was sent four times", () => sent.length >= 4);
  await queue.accept(reports(3), { input: "test" });
  await eventually("all are held", () => hub.alarms.length >= 4);
  expect(new Set(sent.slice(0, 4).map((one) => `${one.msgId} ${one.payload}`)).size).toBe(1);
  expect(hub.frames.map((frame) => frame.seqs)).toEqual([[1], [2, 3, 4]]);
});

test("a full stream is told in words, and relaying goes on once there is room", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  await hub.createStream(20_000);
  const { queue, relay } = startRelay({ natsUrl: nats.url });
  for (let i = 0; i < 30; i++) await acceptOne(queue, { text: "x".repeat(1_000) });
  await eventually("the trouble is told", () => relay.trouble?.includes("full"));
  await hub.createStream();
  await eventually("all are held", () => hub.alarms.length === 30, { timeoutMs: 20_000 });
  expect(relay.trouble).toBeUndefined();
  expectRising(firstSeqs(hub.frames, "low"));
});

test("frames keep under what the server takes; an alarm that never fits is set aside and all behind it goes on", async () => {
  const nats = await startNats({ config: "max_payload: 8192" });
  const hub = await new HubStandIn(nats.url).start();
  const queue = openQueue();
  await queue.accept(reports(50, { text: "x".repeat(1_000) }), { input: "test" });
  const poison = await acceptOne(queue, { raw: "y".repeat(20_000) });
  await queue.accept(reports(50), { input: "test" });
  startRelay({ natsUrl: nats.url, queue });
  await eventually("all but one are held", () => hub.alarms.length >= 100 && queue.summary().rows.low.held === 100);
  expect(hub.alarms.some((alarm) => alarm.id === poison)).toBe(false);
  expectRising(firstSeqs(hub.frames, "low"));
  expect(queue.quarantined({ limit: 5 }).items).toMatchObject([{ input: "relay", source: poison }]);
  const notice = await eventually("it is told", () => hub.alarms.find((alarm) => alarm.point === "quarantine"));
  expect(notice).toMatchObject({ category: "technical" });
  expect(queue.get(poison)?.stages.relayedAt).toBeUndefined();
});

test("an agent that starts before its broker and its stream exist relays once they do", async () => {
  const first = await startNats();
  const { port } = first;
  await first.stop();
  const { queue, link } = startRelay({ natsUrl: `nats://127.0.0.1:${port}` });
  const id = await acceptOne(queue);
  await eventually("the reason is told", () => link.downReason?.includes("nothing listens"));
  const nats = await startNats({ port });
  await link.waitConnected(20_000);
  const hub = await new HubStandIn(nats.url).start();
  await eventually("it is held", () => queue.get(id)?.stages.heldAt, { timeoutMs: 20_000 });
  expect(hub.frames.length).toBe(1);
});
