import type { ServerResponse } from "node:http";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { EventPosition } from "../ledger/read/events.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { formatEventId } from "./event-id.ts";

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;
const EVENTS_PER_PAGE = 200;

/**
 * One client's server-sent events (WHATWG HTML, section 9.2). It reads pages from the ledger behind its own position,
 * as fast as the client takes them and no faster: nothing is buffered for it but one page, and a slow one costs the
 * others nothing. In between it sleeps until a commit wakes it.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #reader: LedgerReader;
  readonly #log: Logger;
  readonly #heartbeatMs: number;
  #position: EventPosition;
  #unsubscribe: () => void = () => undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #isPumping = false;
  #isPoked = false;

  constructor(
    response: ServerResponse,
    options: { reader: LedgerReader; position: EventPosition; log: Logger; heartbeatMs?: number },
  ) {
    this.#response = response;
    this.#reader = options.reader;
    this.#position = options.position;
    this.#log = options.log;
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  }

  /** Answers and begins. `reset`: what the client has seen does not lead here, and it should look at the lists anew. */
  start(options: { reset?: string | undefined }, onEnd: () => void): void {
    const response = this.#response;
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.on("error", () => response.destroy());
    response.once("close", () => {
      this.#unsubscribe();
      clearInterval(this.#heartbeat);
      onEnd();
    });
    response.on("drain", () => this.#poke());
    // An id without data moves the client's Last-Event-ID: it can resume from here before the first event.
    const id = formatEventId({ run: this.#reader.run, position: this.#position });
    response.write(`retry: ${RETRY_MS}\nid: ${id}\n\n`);
    if (options.reset !== undefined) {
      response.write(`event: reset\ndata: ${JSON.stringify({ reason: options.reset })}\n\n`);
    }
    this.#unsubscribe = this.#reader.subscribe(() => this.#poke());
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(": heartbeat\n\n");
    }, this.#heartbeatMs);
    this.#poke();
  }

  end(): void {
    this.#response.end();
  }

  #poke(): void {
    this.#isPoked = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    void this.#pump().finally(() => {
      this.#isPumping = false;
    });
  }

  /** Writes pages until nothing is left or the client is full; then the next commit or its drain goes on. */
  async #pump(): Promise<void> {
    try {
      while (this.#isPoked) {
        this.#isPoked = false;
        while (this.#canWrite() && this.#writePage()) await yieldToOthers();
      }
    } catch (error) {
      this.#log.error(`a stream of events ended: ${messageOf(error)}`);
      this.#response.destroy();
    }
  }

  #canWrite(): boolean {
    const { writableEnded, destroyed, writableNeedDrain } = this.#response;
    return !writableEnded && !destroyed && !writableNeedDrain;
  }

  /** True if there is more to write at once. */
  #writePage(): boolean {
    const { events, next, more } = this.#reader.events(this.#position, EVENTS_PER_PAGE);
    this.#position = next;
    if (events.length > 0) {
      const { run } = this.#reader;
      const lines = events.map(
        ({ event, position }) => `id: ${formatEventId({ run, position })}\ndata: ${JSON.stringify(event)}\n\n`,
      );
      this.#response.write(lines.join(""));
    }
    return more;
  }
}

function yieldToOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
