import { join } from "node:path";
import { createAgent } from "../../agent/agent.ts";
import { loadAgentConfig } from "../../agent/config.ts";
import { loadHubConfig } from "../../hub/config.ts";
import { createHub } from "../../hub/hub.ts";
import { connectCenter, type Delivery } from "../../shared/center/index.ts";
import { Cleanup } from "../../shared/runtime/lifecycle.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { SIMULATED } from "./device.ts";
import { untilReady } from "./ready.ts";

// The whole relay in one process, put together as anybody would who had each part on a machine of its own: the hub with
// its embedded nats-server, one agent, two centers that connect by NATS. Only nats-server is a process beside it.

const AGENT = "gw-1";
export const CENTERS = ["arc-north", "arc-south"] as const;
/** Who acknowledges what the simulated device raises, and where. */
const OPERATOR = { center: "arc-north", operator: "kim" };

export interface LocalRelayOptions {
  dataDir: string;
  natsPort: number;
  hubPort: number;
  agentPort: number;
  log: Logger;
  /** Aborted to stop, also in the middle of the start. */
  signal: AbortSignal;
  /** Called when a center has received an alarm. */
  onReceived: (id: string) => void;
}

export interface LocalRelay {
  agentUrl: string;
  hubUrl: string;
  natsUrl: string;
  /** Stops every part in the order in which nothing is cut off: centers, agent, hub, nats-server. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts all parts and resolves once each of them answers. What had started is stopped again if one cannot; throws what
 * that one throws, `stopping` if the signal came first.
 */
export async function startLocalRelay(options: LocalRelayOptions): Promise<LocalRelay> {
  const { log, signal } = options;
  const natsUrl = `nats://127.0.0.1:${options.natsPort}`;
  const cleanup = new Cleanup(log);
  signal.addEventListener("abort", () => void cleanup.close(), { once: true });
  try {
    const hub = createHub(hubConfig(options), { log: log.child({ part: "hub" }) });
    cleanup.add("hub", () => hub.stop(), 30_000);
    await hub.start();

    const agent = createAgent(agentConfig(options, natsUrl), { log: log.child({ part: AGENT }) });
    cleanup.add("agent", () => agent.stop(), 15_000);
    await agent.start();

    await Promise.all(CENTERS.map((id) => startCenter(id, natsUrl, options, cleanup)));
    const urls = { agentUrl: agent.url, hubUrl: `http://127.0.0.1:${options.hubPort}` };
    await untilReady(urls, signal);
    return { ...urls, natsUrl, stop: () => cleanup.close() };
  } catch (error) {
    await cleanup.close();
    throw error;
  }
}

async function startCenter(id: string, natsUrl: string, options: LocalRelayOptions, cleanup: Cleanup): Promise<void> {
  const center = await connectCenter({
    id,
    servers: natsUrl,
    stateDir: join(options.dataDir, id),
    signal: options.signal,
    log: options.log.child({ part: id }),
  });
  cleanup.add(id, () => center.stop({ timeoutMs: 5_000 }), 10_000);
  await center.listen((delivery) => receive(id, delivery, options));
}

/** What a receiving center would do: take the alarm, and have somebody acknowledge it where it was raised. */
async function receive(center: string, delivery: Delivery, { onReceived }: LocalRelayOptions): Promise<void> {
  onReceived(delivery.alarm.id);
  if (center === OPERATOR.center && isForOperator(delivery.alarm)) {
    await delivery.acknowledge({ operator: OPERATOR.operator });
  }
}

/** Only what the simulated device raises is acknowledged by itself: the rest is left to whoever tries it out. */
export function isForOperator({ attributes, event }: Pick<Delivery["alarm"], "attributes" | "event">): boolean {
  return attributes?.[SIMULATED] === true && event === "raised";
}

function hubConfig({ dataDir, natsPort, hubPort }: LocalRelayOptions): ReturnType<typeof loadHubConfig> {
  const yaml = {
    nats: { embedded: { port: natsPort, dataDir: join(dataDir, "nats") } },
    dataDir: join(dataDir, "hub"),
    http: { listen: `127.0.0.1:${hubPort}` },
    centers: CENTERS.map((id) => ({ id })),
    defaultRoute: { deliver: { to: CENTERS, require: "all" } },
  };
  // JSON is YAML. The environment is left out: it is meant for a hub that somebody configures.
  return loadHubConfig({ text: JSON.stringify(yaml), env: {} });
}

function agentConfig({ dataDir, agentPort }: LocalRelayOptions, natsUrl: string): ReturnType<typeof loadAgentConfig> {
  const yaml = {
    agent: AGENT,
    dataDir: join(dataDir, AGENT),
    nats: { servers: [natsUrl] },
    heartbeat: "5s",
    inputs: { http: { listen: `127.0.0.1:${agentPort}` } },
  };
  return loadAgentConfig({ text: JSON.stringify(yaml), env: {} });
}
