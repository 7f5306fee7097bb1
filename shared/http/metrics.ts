import type { Registry } from "prom-client";
import type { HttpServer } from "./server.ts";

/** Serves `GET /metrics` in the text format of Prometheus. The registry is asked for at the first request. */
export function serveMetrics(app: HttpServer, createRegistry: () => Promise<Registry>): void {
  let creating: Promise<Registry> | undefined;
  app.get("/metrics", async (_request, reply) => {
    creating ??= createRegistry();
    const registry = await creating;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
