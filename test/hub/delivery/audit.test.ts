import { connect } from "nats";
import { expect, test } from "vitest";
import { Dispatcher } from "../../../hub/delivery/dispatcher.ts";
import { WINDOW_FRAMES_MAX } from "../../../hub/delivery/frame.ts";
import { streamKeeper } from "../../../hub/intake/streams.ts";
import { parseAlarmId } from "../../../shared/alarm/identity.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { LogPublisher } from "../../../shared/nats/publish.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import { decodeDelivery } from "../../../shared/wire/cloudevent.ts";
import { deliveryDurable, STREAMS } from "../../../shared/wire/subjects.ts";
import { copyOf } from "../../helpers/copy-of.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats, type TestNats } from "../../helpers/nats.ts";
import { capturedLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTERS, ledgerFixture } from "../ledger/ledger-fixture.ts";

const SLOW = { timeoutMs: 20_000 };

/** A dispatcher on a real ledger and a real nats-server. `during` runs in the middle of every audit. */
async function startDispatcher(during: () => Promise<void>, running?: TestNats) {
  const nats = running ?? (await startNats());
  const { log, lines } = capturedLog();
  const link = new NatsLink({ target: { servers: [nats.url] }, name: "test", inboxPrefix: "_INBOX_test", log });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(10_000);
  const admin = new StreamAdmin(link);
  const { ledger, hold, holdMany } = ledgerFixture();
  const dispatcher = new Dispatcher({
    ledger,
    link,
    admin,
    publisher: new LogPublisher(link),
    log,
    ensureStreams: streamKeeper(admin, 1),
    receiptsFollowed: () => during(),
  });
  whenTestFinished(() => dispatcher.stop());
  const routing = {
    centers: CENTERS.map((id) => ({ id, framing: "batch" as const })),
    routes: [],
    defaultRoute: { name: "default", deliver: { to: CENTERS, require: 2 }, continue: false },
  };
  await dispatcher.configure(routing);
  await dispatcher.start();
  return {
    nats,
    ledger,
    admin,
    hold,
    holdMany,
    stop: () => dispatcher.stop(),
    isConnected: () => link.connected,
    listening: () => dispatcher.listening,
    warnings: () => lines.filter(({ level }) => level === "warn").map(({ msg }) => msg),
    audit: () => dispatcher.configure(routing),
  };
}

test("a frame that is dispatched in the middle of an audit does not count as lost", async () => {
  let during = async (): Promise<void> => undefined;
  let audits = 0;
  const { ledger, admin, hold, audit, warnings } = await startDispatcher(async () => {
    await during();
    audits++;
  });
  const noted = () => CENTERS.map((center) => ledger.outbox.openFrames(ledger.names.centerId(center), 1).length);
  during = async () => {
    during = async () => undefined;
    await hold({ seq: 1 });
    await eventually("it is dispatched", () => expect(noted()).toEqual([1, 1]));
  };
  const before = audits;
  await audit();
  await eventually("that audit is through, and another", async () => {
    if (audits === before + 1) await audit();
    return audits > before + 1;
  });
  expect(noted()).toEqual([1, 1]);
  expect(await admin.streamState(STREAMS.deliveries)).toMatchObject({ lastSeq: CENTERS.length });
  expect(warnings()).toEqual([]);
});

test("frames of a stream that has vanished are dispatched again", async () => {
  const { nats, ledger, hold, audit, warnings } = await startDispatcher(async () => undefined);
  await hold({ seq: 1 });
  const attempts = () =>
    CENTERS.map((center) => ledger.outbox.openFrames(ledger.names.centerId(center), 1).map(({ ordinal }) => ordinal));
  await eventually("it is dispatched", () => expect(attempts()).toEqual([[1], [1]]));
  const nc = await connect({ servers: nats.url });
  await (await nc.jetstreamManager()).streams.delete(STREAMS.deliveries);
  await nc.close();
  await audit();
  await eventually("it is dispatched again", () => expect(attempts()).toEqual([[2], [2]]), { timeoutMs: 20_000 });
  expect(warnings()).toHaveLength(CENTERS.length);
});

test("an audit that was overtaken by the loss of the link releases nothing to an older store", async () => {
  let during = async (): Promise<void> => undefined;
  const { nats, ledger, hold, audit, isConnected } = await startDispatcher(() => during());
  const [center] = CENTERS as [string];
  const centerId = ledger.names.centerId(center);
  await nats.kill();
  const putBack = copyOf(nats.storeDir);
  await nats.restart();
  await hold({ seq: 1 });
  await eventually("it is dispatched", () => ledger.outbox.openFrames(centerId, 1).length === 1, SLOW);
  const ordinals = () => ledger.outbox.openFrames(centerId, 1).map(({ ordinal }) => ordinal);
  during = async () => {
    during = async () => undefined;
    await nats.kill();
    await eventually("the link is lost", () => !isConnected(), SLOW);
    putBack();
    await nats.restart();
    await eventually("the link is back", isConnected, SLOW);
    // Of another lane: it takes the place that the lost frame had.
    await hold({ seq: 2, priority: "critical" });
  };
  await audit();
  await eventually("the lost one is dispatched again", () => ordinals().join() === "2", SLOW);
});

test("a frame at the place of one that is open shows that the other is lost", async () => {
  const { ledger, hold, admin, nats } = await startDispatcher(async () => undefined);
  const [center] = CENTERS as [string];
  const centerId = ledger.names.centerId(center);
  await hold({ seq: 1 });
  await eventually("it is dispatched", () => ledger.outbox.openFrames(centerId, 1).length === 1);
  const nc = await connect({ servers: nats.url });
  whenTestFinished(() => nc.close());
  // Made anew between two audits: what comes next is stored where the first frames lay.
  const { config } = await (await nc.jetstreamManager()).streams.info(STREAMS.deliveries);
  await (await nc.jetstreamManager()).streams.delete(STREAMS.deliveries);
  await (await nc.jetstreamManager()).streams.add(config);
  await hold({ seq: 2 });
  await eventually(
    "both are open, the lost one as a frame of its own",
    () => ledger.outbox.openFrames(centerId, 1).length === 2,
  );
  expect((await admin.streamState(STREAMS.deliveries))?.lastSeq).toBeGreaterThan(CENTERS.length);
});

test("after a start it takes no ten seconds until a center that listens is seen", async () => {
  const { nats, listening } = await startDispatcher(async () => undefined);
  const [center] = CENTERS as [string];
  expect([...listening()]).toEqual([]);
  const nc = await connect({ servers: nats.url });
  whenTestFinished(() => nc.close());
  const next = `$JS.API.CONSUMER.MSG.NEXT.${STREAMS.deliveries}.${deliveryDurable(center, 0)}`;
  nc.subscribe("answers");
  nc.publish(next, JSON.stringify({ batch: 1, expires: 30e9 }), { reply: "answers" });
  await eventually("it is seen", () => [...listening()].join() === center, { timeoutMs: 5_000 });
});

test("what a lost ledger has dispatched does not come in between what a new one dispatches", async () => {
  const first = await startDispatcher(async () => undefined);
  const { nats } = first;
  const [center] = CENTERS as [string];
  const centerId = first.ledger.names.centerId(center);
  for (let seq = 1; seq <= WINDOW_FRAMES_MAX; seq++) {
    await first.hold({ seq });
    await eventually("it is dispatched", () => first.ledger.outbox.openFrames(centerId, 1).length === seq);
  }
  await first.stop();

  const nc = await connect({ servers: nats.url });
  whenTestFinished(() => nc.close());
  const second = await startDispatcher(async () => undefined, nats);
  await second.holdMany(1, WINDOW_FRAMES_MAX);
  const consumer = await nc.jetstream().consumers.get(STREAMS.deliveries, deliveryDurable(center, 1));
  const message = await consumer.next({ expires: 5_000 });
  const { alarms } = decodeDelivery(message?.string() ?? "", message?.headers?.get("Content-Type"));
  expect(alarms.map((one) => parseAlarmId(one.alarm.id)?.seq)).toEqual(
    Array.from({ length: WINDOW_FRAMES_MAX }, (_, i) => i + 1),
  );
  expect(await consumer.next({ expires: 1_000 })).toBeNull();
});

test("no frame is larger than the server takes", async () => {
  const nats = await startNats({ config: "max_payload: 16384" });
  const { ledger, holdMany } = await startDispatcher(async () => undefined, nats);
  await holdMany(1, 200);
  const [center] = CENTERS as [string];
  const centerId = ledger.names.centerId(center);
  await eventually("all are dispatched", () => ledger.outbox.cursor(centerId, 1).n === 200);
  expect(ledger.outbox.openFrames(centerId, 1).length).toBeGreaterThan(2);
});
