import { parseTime } from "../../shared/alarm/time.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { EventPosition } from "../ledger/read/events.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { parseEventId } from "./event-id.ts";
import { EventStream } from "./event-stream.ts";
import { ref } from "./schemas.ts";

/** Each stream costs a read per commit: clients beyond this are told to come again. */
const STREAMS_MAX = 200;

const query = {
  type: "object",
  properties: {
    since: { type: "string", format: "rfc3339", description: "Start near this time; without it, now" },
  },
} as const;

interface Start {
  position: EventPosition;
  reset?: string;
}

/** Serves what happens as it happens. Returns how to end all streams, which would otherwise keep the server open. */
export function addEventRoutes(
  app: HttpServer,
  parts: { reader: LedgerReader; log: Logger; heartbeatMs?: number },
): () => void {
  const { reader } = parts;
  const streams = new Set<EventStream>();
  app.get<{ Querystring: { since?: string } }>(
    "/v1/events",
    {
      exposeHeadRoute: false,
      schema: {
        summary: "The trail as it happens, as server-sent events; resumable with Last-Event-ID",
        querystring: query,
        response: { 200: { description: "text/event-stream", type: "string" }, 400: ref("Error") },
      },
    },
    (request, reply) => {
      if (streams.size >= STREAMS_MAX) {
        throw new RelayError("too_busy", `${STREAMS_MAX} clients read the events already`);
      }
      const start = startOf(reader, request.headers["last-event-id"], request.query.since);
      reply.hijack();
      const stream = new EventStream(reply.raw, { ...parts, position: start.position });
      streams.add(stream);
      stream.start({ reset: start.reset }, () => streams.delete(stream));
    },
  );
  return () => {
    for (const stream of streams) stream.end();
  };
}

function startOf(reader: LedgerReader, lastEventId: string | string[] | undefined, since: string | undefined): Start {
  if (typeof lastEventId !== "string" || lastEventId === "") {
    return { position: since === undefined ? reader.eventsEnd() : reader.eventsAt(parseTime(since)) };
  }
  const told = parseEventId(lastEventId);
  if (told === undefined) {
    const message = "is not the id of one of our events";
    throw new RelayError("bad_request", `Last-Event-ID ${message}`, { details: [{ path: "Last-Event-ID", message }] });
  }
  const { run, position } = told;
  if (!reader.hasToldEvent(run, position)) {
    return { position: reader.eventsEnd(), reset: "the ledger was built anew or restored" };
  }
  const oldest = reader.oldestEvent();
  if (oldest !== undefined && position.event < oldest - 1) {
    return { position: { event: oldest - 1 }, reset: "events in between are no longer kept" };
  }
  return { position };
}
