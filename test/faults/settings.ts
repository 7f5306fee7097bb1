import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CENTERS, DEFAULT_ROUTE, ROUTES } from "./reports.ts";

// The configuration files of the relay under judgment. JSON is YAML.

export const AGENTS = ["gw-1", "gw-2"] as const;
export type AgentName = (typeof AGENTS)[number];

export interface Ports {
  nats: number;
  hub: number;
  web: number;
  agents: Record<AgentName, number>;
}

export function writeNatsConfig(dir: string, port: number): string {
  const store = join(dir, "nats");
  return write(
    dir,
    "nats-server.conf",
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(store)}, sync_interval: always }\n`,
  );
}

/** `generation` changes the routing without changing where anything goes, so that it can be taken over anew. */
export function writeHubConfig(
  dir: string,
  options: { natsAddress: string; webAddress: string; port: number; generation: number },
): string {
  const { natsAddress, webAddress, port, generation } = options;
  const routes = Object.entries(ROUTES).map(([category, to]) => ({
    name: category,
    match: { category: [category] },
    deliver: { to, require: "all" },
  }));
  const nobody = { name: `nobody-${generation}`, match: { account: [`nobody-${generation}`] }, deliver: "none" };
  const webhook = {
    url: `http://${webAddress}/`,
    secret: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
    timeout: "5s",
  };
  const config = {
    nats: { servers: [`nats://${natsAddress}`] },
    dataDir: join(dir, "hub"),
    http: { listen: `127.0.0.1:${port}` },
    centers: CENTERS.map((id) => (id === "web" ? { id, connector: { webhook } } : { id })),
    defaultRoute: { deliver: { to: DEFAULT_ROUTE } },
    routes: [nobody, ...routes],
    log: { format: "json" },
  };
  return write(dir, "hub.yaml", JSON.stringify(config));
}

/** What an agent may be given for a while instead of what it has. */
export interface AgentSettings {
  /** Where it looks for nats-server, `host:port` each. */
  natsAddresses?: readonly string[];
  /** How many alarms its queue takes. */
  rowsMax?: number;
}

export function writeAgentConfig(
  dir: string,
  agent: AgentName,
  port: number,
  settings: AgentSettings & { natsAddresses: readonly string[]; mqttAddress: string },
): string {
  const { natsAddresses, mqttAddress, rowsMax } = settings;
  const config = {
    agent,
    dataDir: join(dir, agent),
    nats: { servers: natsAddresses.map((address) => `nats://${address}`) },
    heartbeat: "5s",
    inputs: {
      http: { listen: `127.0.0.1:${port}` },
      mqtt: { url: `mqtt://${mqttAddress}`, subscriptions: [{ topic: mqttTopic(agent) }] },
    },
    ...(rowsMax === undefined ? {} : { queue: { rowsMax } }),
    log: { format: "json" },
  };
  return write(dir, `${agent}.yaml`, JSON.stringify(config));
}

/** Where the devices at the broker publish what an agent is to take. */
export function mqttTopic(agent: AgentName): string {
  return `judged/${agent}`;
}

function write(dir: string, name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}
