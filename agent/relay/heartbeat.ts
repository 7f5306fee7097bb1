import type { SeqRange } from "../../shared/alarm/identity.ts";
import { LANES, type Priority, priorityOf } from "../../shared/alarm/priority.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import { VERSION } from "../../shared/runtime/version.ts";
import type { Presence } from "../../shared/wire/presence.ts";
import { presenceSubject } from "../../shared/wire/subjects.ts";

/** How many of its epochs a heartbeat names; the question for changes names all. */
const EPOCHS_MAX = 8;

/** What a heartbeat tells of the queue. */
interface HeartbeatQueue {
  readonly epoch: string;
  epochs(limit: number): SeqRange[];
  summary(): {
    rows: Record<Priority, { accepted: number; relayed: number; held: number }>;
    bytes: number;
    oldestUnsettledMs: number;
    lastSeq: number;
  };
}

export interface HeartbeatOptions {
  agent: string;
  queue: HeartbeatQueue;
  link: Pick<NatsLink, "publishHint" | "onConnect">;
  everyMs: number;
}

/** Tells the hub that we are here, at once after a connect and then at a steady pace, and when we leave. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #startedAt = formatTime(Date.now());
  #timer: NodeJS.Timeout | undefined;
  #hasLeft = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.link.onConnect(() => this.#beat(false));
    this.#timer = setInterval(() => this.#beat(false), this.#options.everyMs);
  }

  /** Sends the last one. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#hasLeft) return;
    this.#beat(true);
    this.#hasLeft = true;
  }

  #beat(leaving: boolean): void {
    if (this.#hasLeft) return;
    const { agent, link } = this.#options;
    link.publishHint(presenceSubject(agent), JSON.stringify(this.#presence(leaving)));
  }

  #presence(leaving: boolean): Presence {
    const { agent, everyMs, queue } = this.#options;
    const { rows, bytes, lastSeq, oldestUnsettledMs } = queue.summary();
    const unsettled = Object.fromEntries(
      LANES.map((lane) => {
        const { accepted, relayed, held } = rows[priorityOf(lane)];
        return [priorityOf(lane), accepted + relayed + held];
      }),
    ) as Record<Priority, number>;
    return {
      agent,
      version: VERSION,
      epoch: queue.epoch,
      startedAt: this.#startedAt,
      at: formatTime(Date.now()),
      heartbeatMs: everyMs,
      epochs: queue.epochs(EPOCHS_MAX),
      lastSeq,
      queue: { unsettled, bytes, oldestUnsettledMs },
      leaving,
    };
  }
}
