import { Readable } from "node:stream";
import { queryReader } from "../../shared/http/query.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import { type AlarmFilter, QUEUE_STAGES, type QueueReader } from "../queue/types.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** Alarms that one write of an export carries: enough that the stream costs little, few enough to stay small. */
const EXPORT_LINES = 100;

const filterProperties = {
  reportId: { type: "string" },
  account: { type: "string" },
  point: { type: "string" },
  stage: { enum: QUEUE_STAGES },
} as const;
const pageProperties = {
  limit: { type: "integer", minimum: 1, maximum: LIMIT_MAX },
  cursor: { type: "string", pattern: "^[0-9]{1,15}$" },
} as const;

type ExportFilter = Omit<AlarmFilter, "limit" | "cursor">;

const readListQuery = queryReader<ExportFilter & { limit?: number; cursor?: string }>({
  ...filterProperties,
  ...pageProperties,
});
const readExportQuery = queryReader<ExportFilter>(filterProperties);

/** The parameters of a page without a filter. */
export const readPageQuery = queryReader<{ limit?: number; cursor?: string }>(pageProperties);

export function withLimit<T extends { limit?: number }>(query: T): T & { limit: number } {
  return { ...query, limit: query.limit ?? LIMIT_DEFAULT };
}

/** Where an alarm stands, lists of them, and all of them as NDJSON. */
export function addAlarmReadRoutes(app: HttpServer, reader: QueueReader): void {
  app.get<{ Params: { id: string } }>("/v1/alarms/:id", (request) => {
    const { id } = request.params;
    const alarm = reader.get(id);
    if (alarm === undefined) throw new RelayError("not_found", `this agent has no alarm ${id}, or no longer`);
    return alarm;
  });
  app.get("/v1/alarms", (request) => reader.list(withLimit(readListQuery(request.query))));
  app.get("/v1/export", (request, reply) => {
    const filter = readExportQuery(request.query);
    return reply.type("application/x-ndjson").send(Readable.from(ndjson(reader.iterate(filter))));
  });
}

function* ndjson(items: Iterable<unknown>): Generator<string> {
  let lines: string[] = [];
  for (const item of items) {
    lines.push(`${JSON.stringify(item)}\n`);
    if (lines.length < EXPORT_LINES) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
