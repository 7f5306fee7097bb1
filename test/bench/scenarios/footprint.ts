import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { eventually } from "../../helpers/eventually.ts";
import { drained } from "../backlog.ts";
import { cpuSecondsOf, memoryOf } from "../child.ts";
import { HttpConnection } from "../http-connection.ts";
import { packageBytes } from "../installed.ts";
import { preparedQueue, ROOMY_QUEUE } from "../make-queue.ts";
import { copyPrepared } from "../prepared.ts";
import { BenchRelay, pause } from "../relay.ts";
import { atMost, type Measurement, type Scenario } from "../scenario.ts";

/** How long the agent is left alone before it counts as idle. */
const SETTLE_MS = 20_000;
const SETTLE_MS_QUICK = 3_000;
const CPU_MS = 10_000;
const CPU_MS_QUICK = 4_000;
const LOOK_MS = 2;

/** What the agent takes of a small gateway: memory, CPU and disk, with both inputs connected. */
export const footprint: Scenario = {
  name: "footprint",
  title: "what the agent takes of its gateway",
  runs: () => 1,
  bars: [
    atMost("agent RSS, idle", 75, "MB"),
    atMost("agent CPU, idle", 0.5, "%"),
    atMost("start to first accept, with a backlog", 600, "ms"),
    atMost("agent RSS at its highest, draining", 130, "MB"),
    atMost("agent RSS, after draining", 90, "MB"),
  ],
  run: async ({ quick }) => {
    const settleMs = quick ? SETTLE_MS_QUICK : SETTLE_MS;
    return [
      ...(await idle(settleMs, quick ? CPU_MS_QUICK : CPU_MS)),
      ...(await drain(quick ? 100_000 : 1_000_000, settleMs)),
      ...sizes(),
    ];
  },
};

async function idle(settleMs: number, cpuMs: number): Promise<Measurement[]> {
  const aedes = await Aedes.createBroker();
  const server = createServer((socket) => aedes.handle(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const relay = await BenchRelay.create({ mqttUrl: `mqtt://127.0.0.1:${port}` });
  try {
    await relay.startHub(["arc-1"]);
    await relay.startCenter("arc-1");
    const { pid } = await relay.startAgent();
    await pause(settleMs);
    const cpuBefore = cpuSecondsOf(pid);
    await pause(cpuMs);
    return [
      { name: "agent RSS, idle", unit: "MB", value: memoryOf(pid).rssBytes / 1e6 },
      { name: "agent CPU, idle", unit: "%", value: ((cpuSecondsOf(pid) - cpuBefore) / cpuMs) * 1e5 },
    ];
  } finally {
    await relay.stop();
    server.close();
    aedes.close();
  }
}

/** Starts with a queue of low alarms and drains it. */
async function drain(count: number, settleMs: number): Promise<Measurement[]> {
  const queue = await preparedQueue(count);
  const relay = await BenchRelay.create();
  try {
    copyPrepared(queue, join(relay.dir, "gw-1"));
    await relay.startHub(["arc-1"]);
    await relay.startCenter("arc-1");
    const startMs = performance.now();
    const starting = relay.startAgent(ROOMY_QUEUE);
    await firstAccept(relay.agentUrl);
    const acceptMs = performance.now() - startMs;
    const { pid, url } = await starting;
    await drained([url]);
    const { rssBytesMax } = memoryOf(pid);
    await pause(settleMs);
    return [
      { name: "queued alarms", unit: "rows", value: count },
      { name: "start to first accept, with a backlog", unit: "ms", value: acceptMs },
      { name: "agent RSS at its highest, draining", unit: "MB", value: rssBytesMax / 1e6 },
      { name: "agent RSS, after draining", unit: "MB", value: memoryOf(pid).rssBytes / 1e6 },
    ];
  } finally {
    await relay.stop();
  }
}

async function firstAccept(agentUrl: string): Promise<void> {
  const report = JSON.stringify({ account: "1001", point: "zone-1", category: "other", event: "status" });
  const accepts = async (): Promise<boolean> => {
    const agent = await HttpConnection.open(agentUrl);
    const { status } = await agent.post("/v1/alarms", report);
    agent.close();
    return status === 201;
  };
  await eventually("the agent accepts", accepts, { timeoutMs: 60_000, everyMs: LOOK_MS });
}

function sizes(): Measurement[] {
  const { packed, installed } = packageBytes();
  return [
    { name: "package, packed", unit: "MB", value: packed / 1e6 },
    { name: "package, installed with its dependencies", unit: "MB", value: installed / 1e6 },
  ];
}
