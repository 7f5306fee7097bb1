import type { HubConfig } from "../../hub/config.ts";
import type { Deliver, RoutingConfig } from "../../hub/routing/config.ts";

/** A hub's configuration for tests: centers that all take everything, and an HTTP port that is free. */
export function hubConfig(options: {
  natsUrl: string;
  dataDir: string;
  centers: readonly string[];
  deliver?: Deliver;
  routes?: RoutingConfig["routes"];
}): HubConfig {
  const deliver = options.deliver ?? { to: options.centers, require: options.centers.length };
  return {
    nats: { kind: "servers", target: { servers: [options.natsUrl] }, replicas: 1 },
    dataDir: options.dataDir,
    http: { listen: { host: "127.0.0.1", port: 0 } },
    keepClosedMs: 86_400_000,
    centers: options.centers.map((id) => ({ id, framing: "batch", connector: undefined })),
    routing: {
      centers: options.centers.map((id) => ({ id, framing: "batch" })),
      routes: options.routes ?? [],
      defaultRoute: { name: "default", deliver, continue: false },
    },
    log: { level: "silent", format: "json" },
  };
}
