import { AckPolicy } from "nats";
import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { DurablePull, type PulledMessage } from "../../../shared/nats/pull.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

async function connect(url: string): Promise<NatsLink> {
  const link = new NatsLink({ target: { servers: [url] }, name: "test", inboxPrefix: "_INBOX_test", log: silentLog() });
  link.start();
  whenTestFinished(() => link.stop());
  await link.waitConnected(5_000);
  return link;
}

async function start(latencyMs = 0) {
  const nats = await startNats();
  const hub = await connect(nats.url);
  const jsm = await hub.connection().jetstreamManager();
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  await jsm.consumers.add("S", { durable_name: "d", ack_policy: AckPolicy.Explicit, max_ack_pending: 64 });
  const proxy = await startTcpProxy(nats.port);
  proxy.slow(latencyMs);
  const link = await connect(`nats://${proxy.address}`);
  const held: PulledMessage[] = [];
  const pull = new DurablePull({
    link,
    stream: "S",
    durable: "d",
    inboxPrefix: "_INBOX_test",
    onMessage: (message) => held.push(message),
    onMissing: () => undefined,
    log: silentLog(),
  });
  whenTestFinished(() => pull.stop());
  const publish = async (count: number, payload = "x"): Promise<void> => {
    const js = hub.connection().jetstream();
    await Promise.all(Array.from({ length: count }, () => js.publish("s", payload)));
  };
  const answerAll = (): void => {
    for (const message of held.splice(0)) {
      message.ack();
      pull.release(message.bytes);
    }
  };
  return { nats, jsm, proxy, link, pull, held, publish, answerAll };
}

test("small messages are held up to 32, large ones up to two or what fits", async () => {
  const { jsm, pull, held, publish, answerAll } = await start();
  await publish(50);
  pull.start();
  await eventually("32 are held", () => held.length === 32);
  expect((await jsm.consumers.info("S", "d")).num_ack_pending).toBe(32);
  answerAll();
  await eventually("the rest comes", () => held.length === 18);
  answerAll();
  await publish(10, "y".repeat(200 * 1024));
  await eventually("large ones come", () => held.length >= 2);
  expect((await jsm.consumers.info("S", "d")).num_ack_pending).toBeLessThanOrEqual(4);
  let total = 0;
  await eventually("all come", () => {
    total += held.length;
    answerAll();
    return total === 10;
  });
});

test("a message larger than a request may bring is asked for alone, and what follows comes", async () => {
  const { pull, held, publish } = await start();
  await publish(1, "z".repeat(700 * 1024));
  await publish(3);
  pull.start();
  await eventually("all are held", () => held.length === 4, { timeoutMs: 3_000 });
});

test("many small messages do not each wait for a distant server", async () => {
  const { pull, held, publish, answerAll } = await start(50);
  pull.start();
  await publish(128);
  const startedMs = performance.now();
  let total = 0;
  await eventually("all come", () => {
    total += held.length;
    answerAll();
    return total === 128;
  });
  // One by one they would take 128 round trips of 100 ms.
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

test("an idle pull outlives the expiry of its request, and a cut link", async () => {
  const { proxy, link, pull, held, publish, answerAll } = await start();
  pull.start();
  const startedMs = performance.now();
  await eventually("the first request has expired", () => performance.now() - startedMs > 5_500);
  await publish(1);
  await eventually("a message comes at once", () => held.length === 1, { timeoutMs: 500 });
  answerAll();
  proxy.cut();
  await eventually("the link is down", () => !link.connected);
  await publish(1);
  proxy.resume();
  await eventually("it comes after the reconnect", () => held.length === 1);
});

test("what is given back after the stop goes to somebody else at once", async () => {
  const { nats, pull, held, publish } = await start();
  await publish(2);
  pull.start();
  await eventually("they are held", () => held.length === 2);
  pull.stop();
  for (const message of held) message.giveBack();
  const other = await connect(nats.url);
  const consumer = await other.connection().jetstream().consumers.get("S", "d");
  for (let i = 0; i < 2; i++) expect((await consumer.next({ expires: 2_000 }))?.info.deliveryCount).toBe(2);
});

test("what is on its way at the stop is given back, once, and goes to somebody else at once", async () => {
  const { nats, jsm, pull, held, publish } = await start(200);
  pull.start();
  await eventually("the request waits", async () => (await jsm.consumers.info("S", "d")).num_waiting === 1);
  await publish(2);
  await eventually("they are on their way", async () => (await jsm.consumers.info("S", "d")).num_ack_pending === 2);
  expect(held).toEqual([]);
  pull.stop();
  const other = await connect(nats.url);
  const consumer = await other.connection().jetstream().consumers.get("S", "d");
  for (let i = 0; i < 2; i++) expect((await consumer.next({ expires: 5_000 }))?.info.deliveryCount).toBe(2);
  expect(held).toEqual([]);
});
