import swagger from "@fastify/swagger";
import type { HttpServer } from "../../shared/http/server.ts";
import { VERSION } from "../../shared/runtime/version.ts";
import { COMPONENTS } from "./schemas.ts";

/** Collects the schemas of all routes that are added after it, and serves them at `/openapi.json`. */
export async function serveOpenApi(app: HttpServer): Promise<void> {
  for (const schema of COMPONENTS) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Alarm hub",
        version: VERSION,
        description: "Alarms that the hub holds, who has received them and who took responsibility",
      },
      paths: { "/livez": { get: { summary: "The process answers", responses: { 200: { description: "It does" } } } } },
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, i) =>
        typeof schema["$id"] === "string" ? schema["$id"] : `def-${i}`,
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
