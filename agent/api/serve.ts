import { serveMetrics } from "../../shared/http/metrics.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import type { AgentConfig } from "../config.ts";
import type { Inputs } from "../inputs/create.ts";
import type { QueueReader } from "../queue/types.ts";
import { addAlarmReadRoutes } from "./alarms.ts";
import { addHealthRoutes, type HealthCheck } from "./health.ts";
import { addQuarantineRoutes } from "./quarantine.ts";
import { addQueueRoutes } from "./queue.ts";

/** What the agent's HTTP interface shows. */
export interface AgentApi {
  config: Pick<AgentConfig, "agent" | "custody">;
  reader: QueueReader;
  inputs: Inputs;
  /** What has to work for alarms to get through, besides the inputs: the link to NATS, the hub. */
  checks: readonly HealthCheck[];
}

/** Adds to the HTTP input's server what owners, commands and monitors ask; before it is started. */
export function serveAgentApi(app: HttpServer, api: AgentApi): void {
  addAlarmReadRoutes(app, api.reader);
  addQueueRoutes(app, api.reader);
  addQuarantineRoutes(app, api);
  addHealthRoutes(app, api);
  // Many a gateway is never asked for its metrics: their library would be every eighth file that a start loads.
  serveMetrics(app, async () => (await import("./metrics.ts")).createAgentMetrics(api));
}
