import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect } from "nats";
import { afterEach, expect, test, vi } from "vitest";
import { type Broker, type BrokerOptions, createBroker } from "../../../hub/broker/broker.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import { eventually } from "../../helpers/eventually.ts";
import { isAlive } from "../../helpers/processes.ts";
import { capturedLog, silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

function brokerFor(dataDir: string, options: Partial<BrokerOptions> = {}): Broker {
  const broker = createBroker({ port: 0, dataDir, log: silentLog(), ...options });
  whenTestFinished(() => broker.stop());
  return broker;
}

async function storeOne(url: string): Promise<void> {
  const nc = await connect({ servers: url });
  await (await nc.jetstreamManager()).streams.add({ name: "S", subjects: ["s"] });
  await nc.jetstream().publish("s", "one");
  await nc.close();
}

async function countStored(url: string): Promise<number> {
  const nc = await connect({ servers: url });
  const info = await (await nc.jetstreamManager()).streams.info("S");
  await nc.close();
  return info.state.messages;
}

test("JetStream works, and what it stored is there after a stop and a start", async () => {
  const dataDir = tempDir("broker");
  const first = brokerFor(dataDir);
  const { url } = await first.start();
  await storeOne(url);
  const pid = first.pid as number;
  await first.stop();
  expect(isAlive(pid)).toBe(false);

  const second = brokerFor(dataDir);
  expect(await countStored((await second.start()).url)).toBe(1);
});

test("it syncs every write and listens on loopback", async () => {
  const broker = brokerFor(tempDir("broker"));
  const { url } = await broker.start();
  expect(url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
  const nc = await connect({ servers: url });
  const info = await (await nc.jetstreamManager()).getAccountInfo();
  expect(info.streams).toBe(0);
  await nc.close();
  const { log, lines } = capturedLog();
  const other = brokerFor(tempDir("broker"), { log, storeBytesMax: 2 ** 26 });
  await other.start();
  expect(lines.find((line) => line.msg.includes("Max Storage"))?.msg).toContain("64.00 MB");
});

test("killed, it comes back on the same port with what it stored", async () => {
  const { log, lines } = capturedLog();
  const broker = brokerFor(tempDir("broker"), { log });
  const { url } = await broker.start();
  await storeOne(url);
  const pid = broker.pid as number;
  process.kill(pid, "SIGKILL");
  await eventually("another process runs", () => broker.pid !== undefined && broker.pid !== pid);
  expect(broker.url).toBe(url);
  expect(await countStored(url)).toBe(1);
  expect(lines.filter((line) => line.level === "error").map((line) => line.msg)).toEqual([
    "nats-server ended with status 137; starting it again",
  ]);
});

test("a stop while it starts leaves nothing behind", async () => {
  const dataDir = tempDir("broker");
  const broker = brokerFor(dataDir);
  const started = broker.start().catch((error: unknown) => error);
  await broker.stop();
  expect(await started).toMatchObject({ code: "stopping" });
  // The lock is free again.
  await brokerFor(dataDir).start();
});

test("a stop right after a kill does not wait for the restart", async () => {
  const broker = brokerFor(tempDir("broker"));
  await broker.start();
  process.kill(broker.pid as number, "SIGKILL");
  await eventually("its end is noticed", () => broker.pid === undefined);
  await broker.stop();
  expect(broker.pid).toBeUndefined();
});

test("its lines reach the log at their level", async () => {
  const { log, lines } = capturedLog();
  const broker = brokerFor(tempDir("broker"), { log });
  const { url } = await broker.start();
  await eventually("its own lines are there", () => lines.some(({ msg }) => msg === "Server is ready"));
  expect(lines.find((line) => line.msg === "Server is ready")?.level).toBe("debug");
  expect(lines.filter((line) => line.level === "info").map((line) => line.msg)).toEqual([
    expect.stringMatching(/^nats-server \d+\.\d+\.\d+ listens on nats:/),
  ]);
  expect(url).toContain("nats://");
});

test("a used port: waits for it to become free", async () => {
  const { log, lines } = capturedLog();
  const holder = createServer().listen(0, "127.0.0.1");
  await eventually("the port is held", () => holder.listening);
  const { port } = holder.address() as { port: number };
  const broker = brokerFor(tempDir("broker"), { port, log });
  const started = broker.start();
  await eventually("it says that it waits", () => lines.some((line) => line.msg.includes("waiting up to 10 s")));
  holder.close();
  expect(await started).toEqual({ url: `nats://127.0.0.1:${port}` });
});

test("a used port: says so in one sentence when it stays used", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  whenTestFinished(() => void holder.close());
  await eventually("the port is held", () => holder.listening);
  const { port } = holder.address() as { port: number };
  const error = await brokerFor(tempDir("broker"), { port })
    .start()
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "address_in_use", message: `port ${port} on 127.0.0.1 is in use` });
});

test("two brokers on one folder: the second is refused", async () => {
  const dataDir = tempDir("broker");
  await brokerFor(dataDir).start();
  await expect(brokerFor(dataDir).start()).rejects.toMatchObject({ code: "data_dir_locked" });
});

test("no nats-server to be found: one sentence says how to install it", async () => {
  const empty = tempDir("empty");
  vi.stubEnv("NATS_SERVER", "");
  vi.stubEnv("PATH", empty);
  vi.stubEnv("XDG_CACHE_HOME", empty);
  const error = await brokerFor(tempDir("broker"))
    .start()
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RelayError);
  expect(error).toMatchObject({ code: "nats_server_missing", hint: expect.stringContaining("NATS_SERVER") });
});

test("a server that is too old is refused with the version that is needed", async () => {
  const dir = tempDir("old");
  const binary = join(dir, "nats-server");
  writeFileSync(binary, "#!/bin/sh\necho 'nats-server: v2.9.25'\n");
  chmodSync(binary, 0o755);
  vi.stubEnv("NATS_SERVER", binary);
  const dataDir = join(dir, "data");
  await expect(brokerFor(dataDir).start()).rejects.toMatchObject({
    code: "nats_server_too_old",
    message: "nats-server 2.9.25 is too old: 2.10.0 or later is needed",
  });
  expect(readdirSync(dir)).toEqual(["nats-server"]);
});

test("a server that ends at its start is reported with what it said", async () => {
  const dataDir = tempDir("broker");
  mkdirSync(join(dataDir, "ports"));
  writeFileSync(join(dataDir, "store"), "a file where its folder should be");
  await expect(brokerFor(dataDir).start()).rejects.toMatchObject({
    code: "nats_server_failed",
    message: expect.stringMatching(/ended at its start with status 1: .*storage directory/),
  });
});
