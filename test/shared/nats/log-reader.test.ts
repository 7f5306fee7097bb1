import { connect } from "nats";
import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { openLog } from "../../../shared/nats/log-reader.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

const KIB = 1024;

test("a message that is larger than the server takes by now is read like the others", async () => {
  const storeDir = tempDir("log");
  const before = await startNats({ storeDir, config: `max_payload: ${4_096 * KIB}` });
  const nc = await connect({ servers: before.url });
  await (await nc.jetstreamManager()).streams.add({ name: "LOG", subjects: ["log"] });
  const sizes = [10, 3_000 * KIB, 20, 500 * KIB, 900 * KIB, 30];
  for (const size of sizes) await nc.jetstream().publish("log", new Uint8Array(size));
  await nc.close();
  await before.stop();

  const { url } = await startNats({ storeDir, config: `max_payload: ${1_024 * KIB}` });
  const link = new NatsLink({ target: { servers: [url] }, name: "test", inboxPrefix: "_INBOX_test", log: silentLog() });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(10_000);
  const reading = new AbortController();
  const log = await openLog(link, { stream: "LOG", filter: "log", afterSeq: 0, signal: reading.signal });
  expect(log.pending).toBe(sizes.length);
  const read: number[] = [];
  for await (const { payload } of log.messages) {
    read.push(payload.length);
    if (read.length === sizes.length) reading.abort();
  }
  expect(read).toEqual(sizes);
});
