import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { StreamAdmin, type StreamSpec } from "../../../shared/nats/streams.ts";
import { type NatsOptions, startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

const LOG: StreamSpec = { name: "LOG", subjects: ["log"], discard: "new", replicas: 1 };
const MIB = 2 ** 20;

async function start(options: NatsOptions = {}) {
  const nats = await startNats(options);
  const link = new NatsLink({
    target: { servers: [nats.url] },
    name: "test",
    inboxPrefix: "_INBOX_test",
    log: silentLog(),
  });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(5_000);
  const nc = link.connection();
  return { admin: new StreamAdmin(link), js: nc.jetstream(), manager: await nc.jetstreamManager() };
}

test("a log that had no limit gets one, loses nothing to it, and refuses while it is beyond it", async () => {
  const { admin, js } = await start();
  await admin.ensureStream(LOG);
  const publish = () => js.publish("log", new Uint8Array(400_000));
  for (let i = 0; i < 6; i++) await publish();
  const state = await admin.ensureStream({ ...LOG, bytesMax: MIB });
  expect(state).toMatchObject({ messages: 6, bytesMax: MIB });
  await expect(publish()).rejects.toMatchObject({ api_error: { err_code: 10077 } });
  expect(await admin.streamState("LOG")).toMatchObject({ firstSeq: 1, messages: 6 });
  expect(await admin.purgeUpTo("LOG", "log", 5)).toBe(5);
  await publish();
});

test("where the store is too small for the limit, a log takes what it can set aside, and more when it can", async () => {
  const storeDir = tempDir("store");
  mkdirSync(storeDir, { recursive: true });
  const jetstream = (storeBytes: number) => `jetstream { store_dir: "${storeDir}", max_file_store: ${storeBytes} }`;
  const { admin } = await start({ storeDir, config: jetstream(300 * MIB) });
  expect(await admin.ensureStream(LOG)).toMatchObject({ bytesMax: undefined });
  const first = { ...LOG, name: "FIRST", subjects: ["first"], bytesMax: 128 * MIB };
  expect(await admin.ensureStream(first)).toMatchObject({ bytesMax: 128 * MIB });
  const limited = { ...LOG, bytesMax: 256 * MIB };
  expect(await admin.ensureStream(limited)).toMatchObject({ bytesMax: 128 * MIB });
  expect(await admin.ensureStream(limited)).toMatchObject({ bytesMax: 128 * MIB });
  await admin.ensureStream({ ...first, bytesMax: 32 * MIB });
  expect(await admin.ensureStream(limited)).toMatchObject({ bytesMax: 256 * MIB });
  const third = { ...LOG, name: "THIRD", subjects: ["third"], bytesMax: 256 * MIB };
  await expect(admin.ensureStream(third)).rejects.toThrow("insufficient storage resources available");
});

test("a window is not synced with each write, and is made anew for replicas, which no log ever is", async () => {
  const { admin, manager } = await start();
  const modeOf = async (name: string) => (await manager.streams.info(name)).config as { persist_mode?: string };
  await admin.ensureStream(LOG);
  expect(await modeOf("LOG")).not.toHaveProperty("persist_mode");
  const window: StreamSpec = { name: "WINDOW", subjects: ["window"], discard: "old", replicas: 1, isWindow: true };
  const first = await admin.ensureStream(window);
  expect(await modeOf("WINDOW")).toMatchObject({ persist_mode: "async" });
  // It stays the same stream, also where something else is changed.
  expect(await admin.ensureStream(window)).toMatchObject({ createdAt: first.createdAt });
  expect(await admin.ensureStream({ ...window, bytesMax: MIB })).toMatchObject({ createdAt: first.createdAt });
  // Taken for a log it is left alone, messages and all.
  expect(await admin.ensureStream({ ...window, isWindow: false })).toMatchObject({ createdAt: first.createdAt });
  // One server has no room for replicas; the window that could not have them is gone by then, and comes anew.
  await expect(admin.ensureStream({ ...window, replicas: 3 })).rejects.toThrow();
  expect((await admin.ensureStream(window)).createdAt).not.toBe(first.createdAt);
});
