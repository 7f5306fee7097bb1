import { expect, test } from "vitest";
import { STREAMS } from "../../../shared/wire/subjects.ts";
import { copyOf } from "../../helpers/copy-of.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, openQueue, reports } from "../queue/open.ts";
import { HubStandIn } from "./hub-stand-in.ts";
import { startRelay } from "./start-relay.ts";

const held = (queue: ReturnType<typeof openQueue>) => queue.summary().rows.low.held;

test("a gap in the changes is noticed and fetched, page by page", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  hub.pageMax = 3;
  const { queue, link } = startRelay({ natsUrl: nats.url });
  await link.waitConnected(5_000);
  await acceptOne(queue);
  await eventually("the first is held", () => held(queue) === 1);
  hub.isMute = true;
  for (let i = 0; i < 20; i++) await acceptOne(queue);
  await eventually("the hub has all", () => hub.alarms.length === 21);
  expect(held(queue)).toBe(1);
  hub.isMute = false;
  await acceptOne(queue);
  await eventually("all are held", () => held(queue) === 22);
  expect(queue.position).toMatchObject({ ledger: "ledger-1", changeN: hub.changes.length });
});

test("a hint of another run of the hub makes the agent ask, with the run that it knows", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue, link } = startRelay({ natsUrl: nats.url });
  await link.waitConnected(5_000);
  await acceptOne(queue);
  await eventually("the first is held", () => held(queue) === 1);
  hub.run = "run-2";
  await acceptOne(queue);
  await eventually("both are held", () => held(queue) === 2);
  expect(hub.requests.at(-1)).toMatchObject({ ledger: "ledger-1", run: "run-1", since: 1 });
  expect(queue.position).toMatchObject({ ledger: "ledger-1", run: "run-2", ledgerN: 1, changeN: 2 });
});

test("lost hints are fetched at a slow pace, without any further alarm", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  hub.isMute = true;
  const { queue } = startRelay({ natsUrl: nats.url, askEveryMs: 100 });
  await acceptOne(queue);
  await eventually("it is held", () => held(queue) === 1);
});

test("what the hub followed past without holding it is relayed again, marked and once; the rest is not", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  hub.holds = (alarm) => alarm.text !== "lost";
  const { queue } = startRelay({ natsUrl: nats.url, askEveryMs: 50 });
  await queue.accept(reports(5), { input: "test" });
  const lost = await acceptOne(queue, { text: "lost" });
  await queue.accept(reports(5), { input: "test" });
  await eventually("it was relayed again", () => hub.frames.some((frame) => frame.again));
  hub.holds = () => true;
  await eventually("all are held", () => held(queue) === 11);
  const again = hub.frames.filter((frame) => frame.again);
  expect(new Set(again.flatMap((frame) => frame.ids))).toEqual(new Set([lost]));
  const asked = hub.requests.length;
  const frames = hub.frames.length;
  await eventually("it was asked some more times", () => hub.requests.length > asked + 5);
  expect(hub.frames.length).toBe(frames);
  expect(queue.get(lost)?.stages.heldAt).toBeDefined();
});

test("what the hub has not followed yet is not relayed again", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  hub.holds = () => false;
  const { queue } = startRelay({ natsUrl: nats.url, askEveryMs: 50 });
  hub.followedSeqMax = 0;
  await acceptOne(queue);
  await eventually("it was asked some times after the PubAck", () => {
    const asked = hub.requests.length;
    return queue.summary().rows.low.relayed === 1 && asked > 20;
  });
  expect(hub.frames.filter((frame) => frame.again)).toEqual([]);
});

test("a stream that was created anew makes the agent relay again what was not held, and nothing else", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue } = startRelay({ natsUrl: nats.url, askEveryMs: 50 });
  await queue.accept(reports(10), { input: "test" });
  await eventually("ten are held", () => held(queue) === 10);
  // The hub follows no further, and what came meanwhile goes down with the stream.
  hub.holds = () => false;
  hub.followedSeqMax = hub.followedSeq;
  const lost = await acceptOne(queue, { text: "in the lost stream" });
  await eventually("it had its PubAck", () => queue.summary().rows.low.relayed === 1);
  hub.isDeaf = true;
  await (await hub.link.connection().jetstreamManager()).streams.delete(STREAMS.alarms);
  hub.holds = () => true;
  expect(hub.frames.some((frame) => frame.again)).toBe(false);
  hub.frames.length = 0;
  hub.followedSeqMax = Number.MAX_SAFE_INTEGER;
  await hub.createStream();
  hub.follow();
  hub.isDeaf = false;
  await eventually("it is held", () => queue.get(lost)?.stages.heldAt);
  expect(hub.frames.map(({ ids, again }) => ({ ids, again }))).toEqual([{ ids: [lost], again: true }]);
});

test("a new ledger gets everything that is not settled and that it does not hold", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const dataDir = tempDir("queue");
  const queue = openQueue({ dataDir });
  startRelay({ natsUrl: nats.url, queue, askEveryMs: 50 });
  await queue.accept(reports(10), { input: "test" });
  await eventually("ten are held", () => held(queue) === 10);
  hub.tell({ kind: "settled", ids: [[queue.epoch, 1, 4]] });
  await eventually("four are settled", () => queue.summary().rows.low.settled === 4);

  // Both are lost: the ledger begins anew, and so does the stream. No hub answers until it knows its stream.
  hub.isDeaf = true;
  await (await hub.link.connection().jetstreamManager()).streams.delete(STREAMS.alarms);
  hub.changes = [];
  hub.ledger = "ledger-2";
  hub.frames.length = 0;
  await hub.createStream();
  hub.follow();
  hub.isDeaf = false;
  await eventually("the rest is relayed again", () => hub.frames.flatMap((frame) => frame.seqs).length >= 6);
  expect(hub.frames.flatMap((frame) => frame.seqs)).toEqual([5, 6, 7, 8, 9, 10]);
  await eventually("the new ledger's changes are applied", () => queue.position.changeN === hub.changes.length);
  expect(queue.position).toMatchObject({ ledger: "ledger-2", ledgerN: 2 });
  const asked = hub.requests.length;
  await eventually("it was asked some more times", () => hub.requests.length > asked + 5);
  expect(hub.frames.flatMap((frame) => frame.seqs).length).toBe(6);
});

test("the question names every epoch, and a hub that does not answer is told in words", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const dataDir = tempDir("queue");
  const earlier = openQueue({ dataDir });
  await earlier.accept(reports(3), { input: "test" });
  await earlier.close();
  const queue = openQueue({ dataDir });
  await queue.accept(reports(2), { input: "test" });
  hub.isDeaf = true;
  const { custody } = startRelay({ natsUrl: nats.url, queue });
  await eventually("the reason is told", () => custody.trouble?.includes("hub.changes"));
  hub.isDeaf = false;
  await eventually("it answers", () => custody.trouble === undefined);
  expect(hub.requests.at(-1)?.epochs).toEqual([
    [earlier.epoch, 1, 3],
    [queue.epoch, 4, 5],
  ]);
});

test("on request all that is unsettled is relayed again", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue } = startRelay({ natsUrl: nats.url });
  const id = await acceptOne(queue);
  await queue.accept(reports(4), { input: "test" });
  await eventually("five are held", () => held(queue) === 5);
  hub.tell({ kind: "settled", ids: [[queue.epoch, 2, 2]] });
  await eventually("one is settled", () => queue.summary().rows.low.settled === 1);
  expect(await queue.relayAgain([id])).toBe(1);
  await eventually("one came again", () => hub.frames.some((frame) => frame.again));
  expect(await queue.relayAgain()).toBe(4);
  await eventually("four came again", () => hub.frames.filter((frame) => frame.again).length === 2);
  expect(hub.frames.filter((frame) => frame.again).map((frame) => frame.seqs)).toEqual([[1], [1, 3, 4, 5]]);
});

test("what the hub has lost with its message is relayed again, though the hub never comes to its PubAck", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const queue = openQueue({ stallMs: 300 });
  startRelay({ natsUrl: nats.url, queue, askEveryMs: 50 });
  await acceptOne(queue);
  await eventually("one is held", () => held(queue) === 1);
  const lost = await acceptOne(queue);
  await eventually("two are held", () => held(queue) === 2);
  // As after older copies of both were put back: of the second neither knows.
  const { frames } = hub;
  hub.followedSeqMax = (frames.find(({ ids }) => ids.includes(lost))?.streamSeq ?? 0) - 1;
  hub.changes = hub.changes.filter(({ ids }) => ids.every(([, first]) => first === 1));
  hub.ledger = "ledger-2";
  await eventually("it comes again", () => frames.some(({ again, ids }) => again && ids.includes(lost)));
});

test("a stream that was restored to an older state is noticed, though it keeps its creation time", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const queue = openQueue({ stallMs: 300 });
  startRelay({ natsUrl: nats.url, queue, askEveryMs: 50 });
  await queue.accept(reports(5), { input: "test" });
  await eventually("five are held", () => held(queue) === 5);
  // As after the restore: the PubAck of the next names a sequence that the hub never comes to.
  hub.holds = () => false;
  hub.followedSeqMax = hub.followedSeq;
  const lost = await acceptOne(queue);
  await eventually("it was followed once", () => hub.frames.at(-1)?.ids.includes(lost));
  hub.holds = () => true;
  await eventually("it is held", () => queue.get(lost)?.stages.heldAt);
  expect(hub.frames.at(-1)).toMatchObject({ ids: [lost], again: true });
});

test("a sequence that falls shows a stream that was put back, before the hub has stood still for long", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const { queue } = startRelay({ natsUrl: nats.url, askEveryMs: 60_000 });
  await queue.accept(reports(5), { input: "test" });
  await eventually("five are held", () => held(queue) === 5);
  const restart = async (whileDown: () => void): Promise<void> => {
    await nats.stop();
    await eventually("the hub has noticed", () => !hub.link.connected);
    whileDown();
    const asked = hub.requests.length;
    await nats.restart();
    await hub.link.waitConnected(20_000);
    hub.follow();
    // Later it would find that what comes now is not held, and relay it again before its time.
    await eventually("the agent has asked what it missed", () => hub.requests.length > asked);
  };
  hub.holds = () => false;
  let putBack = (): void => undefined;
  await restart(() => {
    putBack = copyOf(nats.storeDir);
  });
  const lost: string[] = [];
  for (let i = 0; i < 3; i++) {
    lost.push(await acceptOne(queue));
    await eventually("it was followed", () => hub.frames.at(-1)?.ids.includes(lost[i] as string));
  }
  hub.followedSeqMax = 1;
  await restart(() => {
    hub.holds = () => true;
    putBack();
  });
  await acceptOne(queue);
  await eventually("all are held", () => held(queue) === 9, { timeoutMs: 20_000 });
  expect(hub.frames.at(-1)).toMatchObject({ ids: lost, again: true });
});
