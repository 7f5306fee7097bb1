import { rmSync } from "node:fs";
import { connect, type NatsConnection } from "nats";
import { type Agent, createAgent } from "../../../agent/agent.ts";
import { loadAgentConfig } from "../../../agent/config.ts";
import { createHub, type Hub } from "../../../hub/hub.ts";
import { connectCenter } from "../../../shared/center/index.ts";
import { eventually } from "../../helpers/eventually.ts";
import { hubConfig } from "../../helpers/hub.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

const CENTER = "arc-north";

/**
 * The whole relay in one process, on a real nats-server, while alarms flow: what a test does to its stores must not
 * cost one of them. `finish` ends the flow and waits until the center has had, and the edge has settled, every alarm.
 */
export async function startRelay() {
  const nats = await startNats();
  const hubDir = tempDir("hub");
  const log = silentLog();
  let hub: Hub | undefined;
  const startHub = async (): Promise<void> => {
    hub = createHub(hubConfig({ natsUrl: nats.url, dataDir: hubDir, centers: [CENTER] }), { log });
    await hub.start();
  };
  const stopHub = async (): Promise<void> => await hub?.stop();
  await startHub();
  whenTestFinished(stopHub);
  const agent = await startAgent(nats.url);
  const received = new Map<string, number>();
  const center = await connectCenter({ id: CENTER, servers: nats.url, stateDir: tempDir("center") });
  whenTestFinished(() => center.stop());
  await center.listen(async ({ alarm }) => {
    if (alarm.agent === "gw-1") received.set(alarm.id, (received.get(alarm.id) ?? 0) + 1);
  });
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  whenTestFinished(() => nc.close());
  const accepted = new Set<string>();
  const post = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 50) {
      const reports = Array.from({ length: Math.min(50, count - i) }, (_, n) => ({
        point: `zone-${n}`,
        category: n % 2 === 0 ? "fire" : "technical",
        event: "status",
      }));
      const answer = await fetch(`${agent.url}/v1/alarms`, { method: "POST", body: JSON.stringify(reports) });
      const { results } = (await answer.json()) as { results: { id: string }[] };
      for (const { id } of results) accepted.add(id);
    }
  };
  return {
    nats,
    nc,
    agent,
    accepted,
    received,
    ledgerPath: `${hubDir}/ledger.db`,
    post,
    startHub,
    stopHub,
    hubUrl: () => hub?.url ?? "",
    /** The center has had so many. */
    reach: (count: number) =>
      eventually(`${count} have arrived`, () => received.size >= count, { timeoutMs: 60_000, everyMs: 5 }),
    arrive: () => eventually("all have arrived", () => received.size >= accepted.size, { timeoutMs: 30_000 }),
    /** Every alarm is received, once at the handler, and the edge owes nothing any more. */
    finish: async (): Promise<void> => {
      await post(100);
      const missing = () => [...accepted].filter((id) => !received.has(id));
      await eventually(
        "every alarm has arrived",
        () => {
          if (missing().length > 0) throw new Error(`${missing().length} are missing, the first ${missing()[0]}`);
          return true;
        },
        { timeoutMs: 90_000, everyMs: 200 },
      );
      await eventually(
        "the edge has settled all",
        () => {
          const { rows } = agent.queue.summary();
          const open = Object.values(rows).reduce((sum, lane) => sum + lane.accepted + lane.relayed + lane.held, 0);
          if (open > 0) throw new Error(`${open} are not settled: ${JSON.stringify(rows)}`);
          return true;
        },
        { timeoutMs: 90_000, everyMs: 200 },
      );
    },
  };
}

async function startAgent(natsUrl: string): Promise<Agent> {
  const text = JSON.stringify({
    agent: "gw-1",
    dataDir: tempDir("agent"),
    nats: { servers: [natsUrl] },
    heartbeat: "500ms",
    inputs: { http: { listen: "127.0.0.1:0" } },
  });
  const agent = createAgent(loadAgentConfig({ text, env: {} }), { log: silentLog() });
  whenTestFinished(() => agent.stop());
  await agent.start();
  return agent;
}

export async function deleteStream(nc: NatsConnection, name: string): Promise<void> {
  const jsm = await nc.jetstreamManager();
  await jsm.streams.delete(name);
}

export function removeLedger(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
