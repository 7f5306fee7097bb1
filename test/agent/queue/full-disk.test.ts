import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import mqtt from "mqtt";
import { expect, test } from "vitest";
import { type Agent, createAgent } from "../../../agent/agent.ts";
import { loadAgentConfig } from "../../../agent/config.ts";
import { createHub } from "../../../hub/hub.ts";
import { connectCenter } from "../../../shared/center/index.ts";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { hubConfig } from "../../helpers/hub.ts";
import { startAedes } from "../../helpers/mqtt-broker.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { call, post } from "../inputs/intake.ts";

/** A file system of its own that is easily filled; undefined where mounting is not allowed. */
function mountSmallDisk(megabytes: number): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const path = tempDir("disk");
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path]);
  if (status !== 0) return undefined;
  whenTestFinished(() => void execFileSync("umount", [path]));
  return path;
}

async function startAgent(dataDir: string, brokerUrl: string, natsPort: number): Promise<Agent> {
  const config = {
    agent: "gw-1",
    dataDir,
    nats: { servers: [`nats://127.0.0.1:${natsPort}`] },
    inputs: {
      http: { listen: "127.0.0.1:0" },
      mqtt: { url: brokerUrl, subscriptions: [{ topic: "alarms/+/+", levels: "_/account/point" }] },
    },
  };
  const agent = createAgent(loadAgentConfig({ text: JSON.stringify(config), env: {} }), { log: silentLog() });
  whenTestFinished(() => agent.stop());
  await agent.start();
  return agent;
}

test("a 64 MB disk that is full: every 201 arrives, all else is refused in words, and it goes on when there is space", async (context) => {
  const path = mountSmallDisk(64);
  if (path === undefined) return context.skip("a file system can be mounted only by root on Linux");
  const broker = await startAedes();
  const dataDir = join(path, "data");
  // Nobody listens there yet: all that is accepted has to stay in the queue.
  const natsPort = await freePort();
  let agent = await startAgent(dataDir, broker.url, natsPort);
  writeFileSync(join(path, "filler"), Buffer.alloc(40 * 2 ** 20));

  const accepted: string[] = [];
  const raw = "x".repeat(8_000);
  let refusals = 0;
  while (refusals < 50) {
    const posting = Array.from({ length: 20 }, () => post(agent.url, { point: "p", category: "other", raw }));
    for (const { status, body, headers } of await Promise.all(posting)) {
      if (status === 201) {
        accepted.push(body.id as string);
        continue;
      }
      refusals++;
      expect(status).toBe(503);
      expect(body.error).toMatchObject({ code: "store_failed" });
      expect(body.error.message).toMatch(/full|disk/);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
  }
  expect(accepted.length).toBeGreaterThan(500);
  for (const route of ["readyz", "healthz"]) {
    const { status, body } = await call(`${agent.url}/${route}`);
    expect(status, route).toBe(503);
    expect(JSON.stringify(body), route).toContain("the queue could not be written: database or disk is full");
  }

  // No PUBACK reaches the broker for what cannot be stored: it comes when there is space.
  const device = await mqtt.connectAsync(broker.url);
  whenTestFinished(() => device.endAsync(true));
  await device.publishAsync("alarms/1/door", JSON.stringify({ category: "intrusion", raw }), { qos: 1 });
  await eventually("MQTT says why it is down", async () =>
    JSON.stringify((await call(`${agent.url}/healthz`)).body).includes('"name":"mqtt","ok":false'),
  );
  expect(agent.queue.list({ point: "door", limit: 1 }).items).toEqual([]);

  rmSync(join(path, "filler"));
  await eventually(
    "it is ready again, without a report",
    async () => (await call(`${agent.url}/readyz`)).status === 200,
    {
      timeoutMs: 20_000,
    },
  );
  const after = await post(agent.url, { point: "p", category: "other" });
  expect(after.status).toBe(201);
  accepted.push(after.body.id as string);
  await eventually("the MQTT message is stored", () => agent.queue.list({ point: "door", limit: 1 }).items[0], {
    timeoutMs: 30_000,
  });
  const missing = () => accepted.filter((id) => agent.queue.get(id) === undefined);
  expect(missing()).toEqual([]);
  await agent.stop();
  agent = await startAgent(dataDir, broker.url, natsPort);
  expect(missing()).toEqual([]);
  expect([...agent.queue.iterate({ point: "p" })].map((alarm) => alarm.id).sort()).toEqual(accepted.sort());

  const nats = await startNats({ port: natsPort });
  const hub = createHub(hubConfig({ natsUrl: nats.url, dataDir: tempDir("hub"), centers: ["arc-north"] }), {
    log: silentLog(),
  });
  whenTestFinished(() => hub.stop());
  await hub.start();
  const center = await connectCenter({ id: "arc-north", servers: nats.url, stateDir: tempDir("center") });
  whenTestFinished(() => center.stop());
  const received = new Set<string>();
  await center.listen(async ({ alarm }) => void received.add(alarm.id));
  await eventually("every 201 has arrived", () => accepted.every((id) => received.has(id)), { timeoutMs: 60_000 });
}, 120_000);

test("a start on a disk that is full ends with a sentence that says so, and works when there is space", async (context) => {
  const path = mountSmallDisk(8);
  if (path === undefined) return context.skip("a file system can be mounted only by root on Linux");
  const broker = await startAedes();
  const natsPort = await freePort();
  const dataDir = join(path, "data");
  await (await startAgent(dataDir, broker.url, natsPort)).stop();
  const filler = join(path, "filler");
  expect(() => writeFileSync(filler, Buffer.alloc(8 * 2 ** 20))).toThrow("ENOSPC");
  await expect(startAgent(dataDir, broker.url, natsPort)).rejects.toMatchObject({
    code: "store_failed",
    message: expect.stringMatching(/cannot use .*: database or disk is full/) as string,
  });
  rmSync(filler);
  await (await startAgent(dataDir, broker.url, natsPort)).stop();
});
