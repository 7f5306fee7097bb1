import { expect, test } from "vitest";
import type { AlarmWithStages } from "../../agent/queue/types.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/free-port.ts";
import { descendantsOf, isAlive, runProcess, startProcess, type TestProcess } from "../helpers/processes.ts";
import { tempDir } from "../helpers/temp-dir.ts";

// `npm start`, as a new user has it: the built program, with ports and a folder of its own.

const MAIN = "dist/deploy/local/main.js";

interface Ready {
  agent: string;
  hub: string;
  nats: string;
}

interface Way {
  id: string;
  event: string;
  deliveries: { center: string; state: string; receivedMs: number; operator?: string }[];
}

async function portArgs(): Promise<string[]> {
  const [nats, hub, agent] = [await freePort(), await freePort(), await freePort()];
  return ["--nats-port", `${nats}`, "--hub-port", `${hub}`, "--agent-port", `${agent}`];
}

async function startRelay(args: string[]): Promise<{ relay: TestProcess; ready: Ready }> {
  const relay = startProcess([MAIN, "--json", ...args]);
  return { relay, ready: JSON.parse(await relay.waitForLine(/"type":"ready"/)) as Ready };
}

async function raise(agentUrl: string): Promise<string> {
  const response = await fetch(`${agentUrl}/v1/alarms`, {
    method: "POST",
    body: JSON.stringify({ point: "door", category: "intrusion" }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

async function settled(agentUrl: string, id: string): Promise<AlarmWithStages> {
  return await eventually(`${id} is settled`, async () => {
    const response = await fetch(`${agentUrl}/v1/alarms/${id}`);
    const alarm = (await response.json()) as AlarmWithStages;
    return alarm.stages.settledAt === undefined ? undefined : alarm;
  });
}

test("simulated alarms reach both centers and are acknowledged", async () => {
  const { relay } = await startRelay(["--data", tempDir("local"), ...(await portArgs())]);
  const way = JSON.parse(await relay.waitForLine(/"type":"alarm"/)) as Way;
  expect(way.event).toBe("raised");
  expect(way.deliveries.map(({ center }) => center).sort()).toEqual(["arc-north", "arc-south"]);
  for (const { receivedMs } of way.deliveries) expect(receivedMs).toBeLessThan(2_000);
  const acknowledged = way.deliveries.find(({ state }) => state === "acknowledged");
  expect(acknowledged).toMatchObject({ center: "arc-north", operator: "kim" });
});

test("Ctrl-C stops all of it, and a second start goes on where it was", async () => {
  const args = ["--quiet-device", "--data", tempDir("local"), ...(await portArgs())];
  const first = await startRelay(args);
  const id = await raise(first.ready.agent);
  const alarm = await settled(first.ready.agent, id);
  expect(alarm.stages.deliveries.map(({ state }) => state)).toEqual(["received", "received"]);
  const children = descendantsOf(first.relay.pid);
  expect(children.length).toBeGreaterThan(0);
  expect(await first.relay.kill("SIGINT")).toEqual({ code: 0, signal: null });
  expect(children.filter(isAlive)).toEqual([]);
  expect(first.relay.errorLines).toEqual([]);

  const second = await startRelay(args);
  expect((await settled(second.ready.agent, id)).id).toBe(id);
  const next = await raise(second.ready.agent);
  await settled(second.ready.agent, next);
  expect(await second.relay.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("Ctrl-C in the middle of the start ends it as well", async () => {
  const dataDir = tempDir("local");
  const relay = startProcess([MAIN, "--data", dataDir, ...(await portArgs())]);
  const [child] = await eventually("nats-server is being started", () => {
    const children = descendantsOf(relay.pid);
    return children.length > 0 ? children : undefined;
  });
  expect(await relay.kill("SIGINT")).toEqual({ code: 0, signal: null });
  expect(isAlive(child as number)).toBe(false);
  expect(relay.lines).toEqual([]);
});

test("a second one on the same folder, or on a used port, says so in one sentence", async () => {
  const dataDir = tempDir("local");
  const { ready } = await startRelay(["--quiet-device", "--data", dataDir, ...(await portArgs())]);
  const sameDir = await runProcess([MAIN, "--data", dataDir, ...(await portArgs())]);
  expect(sameDir).toMatchObject({ code: 1, stdout: "" });
  expect(sameDir.stderr).toMatch(/^npm start --: the data directory \S+ is in use by another hub; .*$/);
  const used = await portArgs();
  used[used.length - 1] = new URL(ready.agent).port;
  const samePort = await runProcess([MAIN, "--data", tempDir("local"), ...used]);
  expect(samePort).toMatchObject({ code: 1, stdout: "" });
  expect(samePort.stderr).toContain(new URL(ready.agent).port);
  expect(samePort.stderr.split("\n")).toHaveLength(1);
});

test("wrong use is told with exit code 2", async () => {
  const exit = await runProcess([MAIN, "--nats-port", "70000"]);
  expect(exit.code).toBe(2);
  expect(exit.stderr).toContain("1 to 65535");
});
