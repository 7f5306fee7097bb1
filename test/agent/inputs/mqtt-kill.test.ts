import { writeFileSync } from "node:fs";
import { join } from "node:path";
import mqtt from "mqtt";
import { expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { hasMosquitto, startMosquitto } from "../../helpers/mqtt-broker.ts";
import { startProcess, type TestProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { call } from "./intake.ts";

const MESSAGES = 5_000;
const KILLED_AFTER = [500, 2_000, 4_000];

async function startAgent(config: string, url: string): Promise<TestProcess> {
  const agent = startProcess(["dist/agent/main.js", "run", "-c", config]);
  await eventually("the agent is subscribed", async () => {
    const { body } = await call(`${url}/healthz`);
    return body.checks.find(({ name }: { name: string }) => name === "mqtt").ok;
  });
  return agent;
}

async function exported(url: string): Promise<{ id: string; point: string; reportId?: string }[]> {
  const text = await (await fetch(`${url}/v1/export`)).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test.skipIf(!hasMosquitto())(
  "an agent killed while 5,000 messages are published loses none that the broker has PUBACKed",
  async () => {
    const broker = await startMosquitto();
    const dir = tempDir("killed");
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const config = join(dir, "agent.yaml");
    // No NATS listens there: what is accepted waits in the queue, where it can be counted.
    const yaml = {
      agent: "gw-1",
      dataDir: "./data",
      nats: { servers: [`nats://127.0.0.1:${await freePort()}`] },
      inputs: {
        http: { listen: `127.0.0.1:${port}` },
        mqtt: { url: broker.url, subscriptions: [{ topic: "alarms/+/+", levels: "_/account/point" }] },
      },
    };
    writeFileSync(config, JSON.stringify(yaml));
    let agent = await startAgent(config, url);

    const device = await mqtt.connectAsync(broker.url);
    const acknowledged: string[] = [];
    let restarted: Promise<void> = Promise.resolve();
    for (let i = 0; i < MESSAGES; i++) {
      const point = `p${i}`;
      // Every other message carries a reportId: those must not come twice.
      const report = { category: "intrusion", ...(i % 2 === 0 ? { reportId: point } : {}) };
      await device.publishAsync(`alarms/1/${point}`, JSON.stringify(report), { qos: 1 });
      acknowledged.push(point);
      if (!KILLED_AFTER.includes(i)) continue;
      await restarted;
      // Not waited for: the device goes on while nobody listens.
      restarted = agent.kill("SIGKILL").then(async () => {
        agent = await startAgent(config, url);
      });
    }
    await restarted;
    await device.endAsync();

    await eventually(
      "all of them are stored",
      async () => new Set((await exported(url)).map(({ point }) => point)).size === MESSAGES,
      {
        timeoutMs: 30_000,
        everyMs: 250,
      },
    );
    const alarms = await exported(url);
    expect(new Set(alarms.map(({ point }) => point))).toEqual(new Set(acknowledged));
    expect(new Set(alarms.map(({ id }) => id)).size).toBe(alarms.length);
    const withReportId = alarms.flatMap(({ reportId }) => (reportId === undefined ? [] : [reportId]));
    expect(withReportId).toHaveLength(MESSAGES / 2);
    expect(await agent.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  },
);
