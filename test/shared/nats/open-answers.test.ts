import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { LogPublisher } from "../../../shared/nats/publish.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

const ANSWER_MS_MAX = 30_000;

async function connect() {
  const nats = await startNats();
  const proxy = await startTcpProxy(nats.port);
  const link = new NatsLink({
    target: { servers: [`nats://${proxy.address}`] },
    name: "test",
    inboxPrefix: "_INBOX_test",
    log: silentLog(),
  });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(10_000);
  return { proxy, link };
}

test("a publish whose connection is lost ends at once, and is stored once when it is sent again", async () => {
  const { proxy, link } = await connect();
  const jsm = await link.connection().jetstreamManager();
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  const publisher = new LogPublisher(link);
  const options = { msgId: "one", timeoutMs: ANSWER_MS_MAX };
  expect(await publisher.publish("s", "before", { ...options, msgId: "before" })).toMatchObject({ seq: 1 });

  proxy.halfOpen();
  const startMs = performance.now();
  const publishing = publisher.publish("s", "x", options);
  proxy.cut();
  await expect(publishing).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("was lost") });
  expect(performance.now() - startMs).toBeLessThan(ANSWER_MS_MAX / 2);
  proxy.resume();
  await link.waitConnected(10_000);
  expect(await publisher.publish("s", "x", options)).toMatchObject({ stream: "S", seq: 2 });
  expect(await publisher.publish("s", "x", options)).toMatchObject({ seq: 2, duplicate: true });
});

test("a request whose connection is lost ends at once", async () => {
  const { proxy, link } = await connect();
  link.serve({ name: "silent", version: "1.0.0", subject: "ask", handler: () => new Promise(() => undefined) });
  await link.connection().flush();
  const startMs = performance.now();
  const asking = link.request("ask", "", ANSWER_MS_MAX);
  await link.connection().flush();
  proxy.cut();
  await expect(asking).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("was lost") });
  expect(performance.now() - startMs).toBeLessThan(ANSWER_MS_MAX / 2);
});
