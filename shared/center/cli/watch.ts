import { setTimeout as sleep } from "node:timers/promises";
import { LANES } from "../../alarm/priority.ts";
import { isRfc3339, parseTime } from "../../alarm/time.ts";
import { NatsLink } from "../../nats/link.ts";
import { openLog } from "../../nats/log-reader.ts";
import { StreamAdmin } from "../../nats/streams.ts";
import { messageOf, RelayError } from "../../runtime/errors.ts";
import { stopSignal } from "../../runtime/lifecycle.ts";
import { ChangeLog, createLogger, type Logger } from "../../runtime/log.ts";
import { decodeDelivery } from "../../wire/cloudevent.ts";
import { HEADERS } from "../../wire/headers.ts";
import { allLanesSubject, deliveryDurable, inboxPrefix, STREAMS } from "../../wire/subjects.ts";
import { LaneWatch } from "../lane-watch.ts";
import { checkOptions } from "../options.ts";
import { type ConnectionFlags, connectionOf, LOG, printAlarm } from "./common.ts";

export interface WatchFlags extends ConnectionFlags {
  since?: string;
}

/** Where the next read begins: a sequence of a stream, which another stream of that name does not share. */
interface Cursor {
  streamCreatedAt: string;
  seq: number;
}

const RETRY_MS = 500;

/** Prints what is dispatched to a center until it is told to stop; goes on behind the last line after a lost link. */
export async function runWatch(flags: WatchFlags): Promise<void> {
  if (flags.since !== undefined && !isRfc3339(flags.since)) {
    throw new RelayError("wrong_use", `--since must be a time such as 2026-03-01T12:00:00Z, not ${flags.since}`);
  }
  const { id, target } = checkOptions(connectionOf(flags));
  const signal = stopSignal();
  const log = createLogger("alarm-center", LOG);
  const link = new NatsLink({ target, name: `alarm-center watch ${id}`, inboxPrefix: inboxPrefix("center", id), log });
  const watcher = new Watcher(link, id, flags, log);
  link.start();
  try {
    await watcher.run(signal);
  } finally {
    await link.stop();
  }
}

class Watcher {
  readonly #link: NatsLink;
  readonly #admin: StreamAdmin;
  readonly #center: string;
  readonly #flags: WatchFlags;
  readonly #log: Logger;
  readonly #trouble: ChangeLog;
  readonly #lanes: LaneWatch;
  #cursor: Cursor | undefined;
  #read = new AbortController();

  constructor(link: NatsLink, center: string, flags: WatchFlags, log: Logger) {
    this.#link = link;
    this.#admin = new StreamAdmin(link);
    this.#center = center;
    this.#flags = flags;
    this.#log = log;
    this.#lanes = new LaneWatch(center, log);
    this.#trouble = new ChangeLog((message) => log.warn(message));
    link.onDisconnect(() => this.#read.abort());
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#read.abort(), { once: true });
    while (!signal.aborted) {
      this.#read = new AbortController();
      try {
        if (this.#link.connected) await this.#readOn(this.#read.signal);
      } catch (error) {
        if (!signal.aborted && this.#link.connected) this.#trouble.say(`watching: ${messageOf(error)}`);
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
    this.#lanes.stop();
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    const stream = await this.#admin.streamState(STREAMS.deliveries);
    if (stream === undefined) throw new RelayError("not_found", "the hub has not created the stream DELIVERIES yet");
    if (this.#cursor?.streamCreatedAt !== stream.createdAt) {
      // The window of a center is small, so what is older than --since is read and passed over.
      const isFirst = this.#cursor === undefined && this.#flags.since === undefined;
      this.#cursor = { streamCreatedAt: stream.createdAt, seq: isFirst ? stream.lastSeq : 0 };
    }
    const sinceMs = this.#flags.since === undefined ? 0 : parseTime(this.#flags.since);
    const { messages } = await openLog(this.#link, {
      stream: STREAMS.deliveries,
      filter: allLanesSubject(this.#center),
      afterSeq: this.#cursor.seq,
      signal,
    });
    this.#trouble.clear();
    this.#log.info(`watching ${this.#center}`);
    // To watch it need not know; what is dispatched is shown all the same.
    this.#lookForLanes().catch(() => undefined);
    for await (const message of messages) {
      if (message.atMs >= sinceMs) await this.#print(message.payload, message.header(HEADERS.contentType));
      this.#cursor.seq = message.seq;
    }
  }

  /** Where the hub does not know this center there is nothing to see, now or later. */
  async #lookForLanes(): Promise<void> {
    const looks = LANES.map(async (lane) => {
      const exists = await this.#admin.hasDurable(STREAMS.deliveries, deliveryDurable(this.#center, lane));
      this.#lanes.saw(lane, !exists);
    });
    await Promise.all(looks);
  }

  async #print(payload: string, contentType: string | undefined): Promise<void> {
    const { alarms, faults } = decodeDelivery(payload, contentType);
    for (const { id, reason } of faults) this.#log.warn(`${id ?? "an item"} could not be read: ${reason}`);
    for (const delivered of alarms) await printAlarm(delivered, this.#flags.json === true);
  }
}
