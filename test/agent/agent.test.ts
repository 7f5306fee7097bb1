import { expect, test } from "vitest";
import { type Agent, createAgent } from "../../agent/agent.ts";
import { loadAgentConfig } from "../../agent/config.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/free-port.ts";
import { startNats } from "../helpers/nats.ts";
import { silentLog } from "../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";
import { HubStandIn } from "./relay/hub-stand-in.ts";

function agentWith(natsUrl: string, yaml: object = {}): Agent {
  const text = JSON.stringify({
    agent: "gw-1",
    dataDir: tempDir("agent"),
    nats: { servers: [natsUrl] },
    heartbeat: "200ms",
    inputs: { http: { listen: "127.0.0.1:0" } },
    ...yaml,
  });
  const agent = createAgent(loadAgentConfig({ text, env: {} }), { log: silentLog() });
  whenTestFinished(() => agent.stop());
  return agent;
}

async function post(agent: Agent, report: object): Promise<{ status: number; id: string }> {
  const response = await fetch(`${agent.url}/v1/alarms`, { method: "POST", body: JSON.stringify(report) });
  return { status: response.status, ...((await response.json()) as { id: string }) };
}

const get = async (agent: Agent, path: string) => {
  const response = await fetch(`${agent.url}${path}`);
  return { status: response.status, text: await response.text() };
};

test("a report that is posted is relayed, and its stages are shown", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  const agent = agentWith(nats.url);
  await agent.start();
  const { status, id } = await post(agent, { point: "smoke-1", category: "fire" });
  expect(status).toBe(201);
  await eventually("it is held", () => agent.queue.get(id)?.stages.heldAt);
  hub.tell({ kind: "received", ids: [[agent.queue.epoch, 1, 1]], center: "a" });
  hub.tell({ kind: "settled", ids: [[agent.queue.epoch, 1, 1]] });
  await eventually("it is settled", () => agent.queue.get(id)?.stages.settledAt);
  expect((await get(agent, `/v1/alarms/${id}`)).text).toContain('"state":"received"');
  await eventually("it is healthy", async () => (await get(agent, "/healthz")).status === 200);
});

test("heartbeats tell of the queue, and the last one that the agent leaves", async () => {
  const nats = await startNats();
  const hub = await new HubStandIn(nats.url).start();
  hub.isMute = true;
  const agent = agentWith(nats.url);
  await agent.start();
  await post(agent, { point: "p", category: "fire" });
  const beat = await eventually("a heartbeat with the alarm", () => hub.presences.find((one) => one.lastSeq === 1));
  expect(beat).toMatchObject({ agent: "gw-1", epoch: agent.queue.epoch, heartbeatMs: 200, leaving: false });
  expect(beat.epochs).toEqual([[agent.queue.epoch, 1, 1]]);
  expect(hub.presences.every((one) => !one.leaving)).toBe(true);
  await agent.stop();
  await eventually("it leaves", () => hub.presences.at(-1)?.leaving);
  expect(hub.presences.filter((one) => one.leaving).length).toBe(1);
});

test("without a hub reports are taken, and health says why alarms do not get through", async () => {
  const agent = agentWith(`nats://127.0.0.1:${await freePort()}`);
  await agent.start();
  expect((await post(agent, { point: "p", category: "fire" })).status).toBe(201);
  expect((await get(agent, "/readyz")).status).toBe(200);
  await eventually("health tells the reason", async () => {
    const health = await get(agent, "/healthz");
    return health.status === 503 && health.text.includes("nothing listens");
  });
});

test("a second agent on the same data directory, or the same port, is refused in words", async () => {
  const nats = await startNats();
  const dataDir = tempDir("agent");
  const first = agentWith(nats.url, { dataDir });
  await first.start();
  await expect(agentWith(nats.url, { dataDir }).start()).rejects.toMatchObject({ code: "data_dir_locked" });
  const listen = new URL(first.url).host;
  const second = agentWith(nats.url, { inputs: { http: { listen } } });
  await expect(second.start()).rejects.toMatchObject({ code: "address_in_use" });
  await first.stop();
  const third = agentWith(nats.url, { dataDir });
  await third.start();
  expect((await post(third, { point: "p", category: "fire" })).status).toBe(201);
});

test("start and stop may be called more than once", async () => {
  const nats = await startNats();
  const agent = agentWith(nats.url);
  await Promise.all([agent.start(), agent.start()]);
  await Promise.all([agent.stop(), agent.stop()]);
  await agent.stop();
});
