import { expect, test } from "vitest";
import { type Alarm, type CenterOptions, connectCenter, type Delivery } from "../../../shared/center/index.ts";
import { CONTENT_TYPES } from "../../../shared/wire/headers.ts";
import { deliveryDurable, STREAMS } from "../../../shared/wire/subjects.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats, type TestNats } from "../../helpers/nats.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, eventOf, makeAlarms, startTestHub, type TestHub } from "./test-hub.ts";

interface Seen {
  id: string;
  attempt: number;
}

async function start(options: Partial<CenterOptions> = {}) {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const center = await connect(nats, options);
  return { nats, hub, center };
}

async function connect(nats: TestNats, options: Partial<CenterOptions> = {}) {
  const center = await connectCenter({ id: CENTER, servers: nats.url, stateDir: tempDir("center"), ...options });
  whenTestFinished(() => center.stop());
  return center;
}

const seenBy = (seen: Seen[]) => (delivery: Delivery) => {
  seen.push({ id: delivery.alarm.id, attempt: delivery.attempt });
};

/** All frames of the window have had their message ack. */
async function allAcked(hub: TestHub): Promise<void> {
  const jsm = await hub.link.connection().jetstreamManager();
  await eventually("every frame is acked", async () => {
    const infos = await jsm.consumers.list(STREAMS.deliveries).next();
    return infos.every(({ num_ack_pending, num_pending }) => num_ack_pending === 0 && num_pending === 0);
  });
}

test("every alarm reaches the handler once and in order, is answered, and its frames are acked", async () => {
  const { hub, center } = await start();
  const seen: Seen[] = [];
  await center.listen(seenBy(seen));
  const alarms = makeAlarms(2_000);
  await hub.publish(alarms);
  await eventually("all are answered", () => hub.answered("received").size === alarms.length);
  expect(seen).toEqual(alarms.map(({ id }) => ({ id, attempt: 1 })));
  expect([...hub.answered("received").values()].every((count) => count === 1)).toBe(true);
  expect(hub.receipts.length).toBeLessThan(100);
  await allAcked(hub);
});

test.each([
  ["with a state directory", true],
  ["without one", false],
])("what is dispatched again is answered again and not handled again, %s", async (_, isDurable) => {
  const { hub, center } = await start(isDurable ? {} : { stateDir: undefined });
  const seen: Seen[] = [];
  await center.listen(seenBy(seen));
  const alarms = makeAlarms(300);
  await hub.publish(alarms);
  await hub.publish(alarms, { attempt: 2 });
  await eventually(
    "all are answered twice or more",
    () => [...hub.answered("received").values()].filter((count) => count >= 1).length === 300,
  );
  await allAcked(hub);
  await hub.publish(alarms, { attempt: 3 });
  await allAcked(hub);
  await eventually("the last answers are there", () =>
    [...hub.answered("received").values()].every((count) => count >= 2),
  );
  expect(seen).toHaveLength(300);
});

test("what comes after a loss is marked: relayed, dispatched or handed out again because a first copy got lost", async () => {
  const { hub, center } = await start();
  const [lost, relayed, dispatched, plain] = makeAlarms(4) as [Alarm, Alarm, Alarm, Alarm];
  await hub.publish([lost]);
  const consumer = await hub.link
    .connection()
    .jetstream()
    .consumers.get(STREAMS.deliveries, deliveryDurable(CENTER, 1));
  (await consumer.next({ expires: 5_000 }))?.nak();
  const relayedAgain = eventOf(relayed).replace('"data":', '"relayedagain":true,"data":');
  await hub.publishRaw(1, relayedAgain, CONTENT_TYPES.cloudEvent);
  await hub.publish([dispatched], { attempt: 2 });
  await hub.publish([plain]);
  const marks = new Map<string, [attempt: number, relayedAgain: boolean]>();
  await center.listen((delivery) => {
    marks.set(delivery.alarm.id, [delivery.attempt, delivery.relayedAgain]);
  });
  await eventually("all are handled", () => marks.size === 4);
  expect([lost, relayed, dispatched, plain].map(({ id }) => marks.get(id))).toEqual([
    [1, true],
    [1, true],
    [1, true],
    [1, false],
  ]);
});

test("a second process answers from the state directory of the first", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const stateDir = tempDir("state");
  const seen: Seen[] = [];
  const first = await connect(nats, { stateDir });
  await first.listen(seenBy(seen));
  const alarms = makeAlarms(50);
  await hub.publish(alarms);
  await eventually("all are answered", () => hub.answered("received").size === 50);
  await first.stop();
  const second = await connect(nats, { stateDir });
  await second.listen(seenBy(seen));
  await hub.publish(alarms, { attempt: 2 });
  await eventually("all are answered again", () => [...hub.answered("received").values()].every((n) => n === 2));
  expect(seen).toHaveLength(50);
});

test("a handler that throws answers failed with its words; the next try has attempt 2", async () => {
  const { hub, center } = await start();
  const seen: Seen[] = [];
  await center.listen((delivery) => {
    seenBy(seen)(delivery);
    if (delivery.attempt === 1) throw new Error("the database\0 is away");
  });
  const alarms = makeAlarms(1);
  const id = "gw-1.k3abcdef.1";
  await hub.publish(alarms);
  await eventually("it failed", () => hub.receipts.find(({ type }) => type === "failed"));
  expect(hub.receipts[0]).toMatchObject({ alarms: [id], reason: "the database is away" });
  // The same delivery once more, as after a lost message ack: answered, not handled.
  await hub.publish(alarms);
  await eventually("it is answered again", () => hub.answered("failed").get(id) === 2);
  expect(seen).toHaveLength(1);
  await hub.publish(alarms, { attempt: 2 });
  await eventually("it is received", () => hub.answered("received").size === 1);
  expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test("a new try that comes before the PubAck of the failure's receipt is handled", async () => {
  const { hub, center } = await start();
  const jsm = await hub.link.connection().jetstreamManager();
  // Without its stream no receipt has a PubAck.
  const { config } = await jsm.streams.info(STREAMS.receipts);
  await jsm.streams.delete(STREAMS.receipts);
  const seen: Seen[] = [];
  await center.listen((delivery) => {
    seenBy(seen)(delivery);
    if (delivery.attempt === 1) throw new Error("no");
  });
  const alarms = makeAlarms(1);
  await hub.publish(alarms);
  await eventually("it failed", () => seen.length === 1);
  await hub.publish(alarms, { attempt: 2 });
  await eventually("it is handled again", () => seen.length === 2);
  expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
  await jsm.streams.add(config);
  await allAcked(hub);
});

test("one alarm that fails does not hold up the others of its frame", async () => {
  const { hub, center } = await start();
  await center.listen((delivery) => {
    if (delivery.alarm.point === "zone-7") throw new Error("no");
  });
  await hub.publish(makeAlarms(100));
  await eventually("the others are received", () => hub.answered("received").size === 99);
  expect(hub.answered("failed").size).toBe(1);
  await allAcked(hub);
});

test("a refused alarm is rejected with the reason, and tried anew when it is redriven", async () => {
  const { hub, center } = await start();
  let refuses = true;
  await center.listen(async (delivery) => {
    if (refuses) await delivery.reject("not our customer");
  });
  const alarms = makeAlarms(1);
  await hub.publish(alarms);
  await eventually("it is rejected", () => hub.answered("rejected").size === 1);
  expect(hub.receipts[0]?.reason).toBe("not our customer");
  refuses = false;
  await hub.publish(alarms, { attempt: 2 });
  await eventually("it is received", () => hub.answered("received").size === 1);
});

test("framing single: one CloudEvent per message", async () => {
  const { hub, center } = await start();
  const seen: Seen[] = [];
  await center.listen(seenBy(seen));
  await hub.publish(makeAlarms(40), { single: true });
  await eventually("all are answered", () => hub.answered("received").size === 40);
  expect(seen).toHaveLength(40);
});

test("an unreadable frame or item is reported, and everything else goes on", async () => {
  const { hub, center } = await start();
  const errors: string[] = [];
  center.on("error", (error) => errors.push(error.message));
  await center.listen(() => undefined);
  const [bad, good] = makeAlarms(2) as [Alarm, Alarm];
  await hub.publishRaw(1, "{ not json", CONTENT_TYPES.cloudEventsBatch);
  await hub.publishRaw(1, `[${eventOf(bad).replace('"high"', "7")},${eventOf(good)}]`);
  await eventually("the good one is received", () => hub.answered("received").has(good.id));
  await eventually("the bad one is rejected", () => hub.answered("rejected").has(bad.id));
  expect(errors).toEqual([
    expect.stringMatching(/^a frame could not be read and was set aside: not JSON/),
    expect.stringMatching(/could not be read: data\/priority is not a text/),
  ]);
  await allAcked(hub);
});

test("durables that are made late, or vanish and come back, are pulled from", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url, { createsDurables: false });
  const center = await connect(nats);
  await center.listen(() => undefined);
  await hub.publish(makeAlarms(10));
  await hub.createDurables();
  await eventually("they are received", () => hub.answered("received").size === 10, { timeoutMs: 3_000 });
  const jsm = await hub.link.connection().jetstreamManager();
  await jsm.consumers.delete(STREAMS.deliveries, deliveryDurable(CENTER, 1));
  await hub.createDurables();
  await hub.publish(makeAlarms(10, { firstSeq: 100 }));
  await eventually("the new ones are received", () => hub.answered("received").size === 20, { timeoutMs: 3_000 });
});

test("nats-server restarts in the middle: nothing is missing and nothing comes twice", async () => {
  const { nats, hub, center } = await start();
  const seen: Seen[] = [];
  await center.listen(async (delivery) => {
    seenBy(seen)(delivery);
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
  const alarms = makeAlarms(3_000);
  await hub.publish(alarms, { frameAlarms: 100 });
  await eventually("some are handled", () => seen.length > 500);
  await nats.restart();
  await eventually("all are handled", () => new Set(seen.map(({ id }) => id)).size === 3_000, { timeoutMs: 40_000 });
  await eventually("all frames are acked after the restart", () => allAcked(hub).then(() => true), {
    timeoutMs: 30_000,
  });
  expect(seen).toHaveLength(3_000);
  expect(seen.every(({ attempt }) => attempt === 1)).toBe(true);
});
