import { collectDefaultMetrics, Registry } from "prom-client";
import type { HttpServer } from "./server.ts";

/** A registry with the metrics that every process has (CPU, memory, event loop). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Serves `GET /metrics` in the text format of Prometheus. */
export function serveMetrics(app: HttpServer, registry: Registry): void {
  app.get("/metrics", async (_request, reply) => {
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
