import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import { validator } from "../../shared/schema/validate.ts";
import type { QueueReader } from "../queue/types.ts";

const validateRetry = validator<{ ids?: string[] }>({
  type: "object",
  properties: { ids: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 1_000 } },
  additionalProperties: false,
});

/** The queue as a whole, and relaying alarms again on request. */
export function addQueueRoutes(app: HttpServer, reader: QueueReader): void {
  app.get("/v1/queue", () => reader.summary());
  app.post("/v1/queue/retry", async (request) => {
    const validation = validateRetry(request.body ?? {});
    if (!validation.ok) {
      throw new RelayError("bad_request", "the request is not valid", { details: validation.details });
    }
    return { relayedAgain: await reader.relayAgain(validation.value.ids) };
  });
}
