import type { StreamAdmin, StreamState } from "../../shared/nats/streams.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { checkPosition } from "./check-position.ts";
import type { TrimmedLog, TrimStep } from "./trimmed-logs.ts";

export interface LogTrimmerOptions {
  ledger: Ledger;
  admin: StreamAdmin;
  log: Logger;
  isConnected: () => boolean;
  everyMs?: number;
}

/** The condition of the alarm that warns. */
const KIND = "log-filling";
const EVERY_MS = 15_000;
/** Beyond this part of its limit a log is trimmed, down to the other. */
const TRIM_ABOVE = 0.8;
const TRIM_TO = 0.5;
/** What trimming leaves must stay below this, or somebody has to look. */
const WARN_ABOVE = 0.6;
/** A log is trimmed oldest first, by this part of its length at a time. */
const SLICES = 8;

/**
 * Keeps a log from staying full. Beyond 80 % of its limit the oldest goes of what is needed least, and if that is not
 * enough, of what is needed more. What was not followed is never touched. An alarm tells where trimming does not help,
 * and where it costs something.
 */
export class LogTrimmer {
  readonly #trimmed: TrimmedLog;
  readonly #options: LogTrimmerOptions;
  readonly #loop: Loop;
  /** Why this run has warned; undefined while it has not. */
  #warned: string | undefined;
  /** False until it is known whether an earlier run has warned. */
  #isSure = false;

  constructor(trimmed: TrimmedLog, options: LogTrimmerOptions) {
    this.#trimmed = trimmed;
    this.#options = options;
    const { log, everyMs = EVERY_MS } = options;
    this.#loop = new Loop(() => this.#step(), { name: `trimming ${trimmed.stream}`, log, idleMs: everyMs });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(): Promise<StepResult> {
    const { stream, steps, filled } = this.#trimmed;
    if (!this.#options.isConnected()) return "idle";
    const before = await this.#options.admin.streamState(stream);
    // Whoever follows it makes it.
    if (before === undefined) return "idle";
    if (filling(before) <= TRIM_ABOVE) {
      if (filling(before) <= TRIM_TO) await this.#calm();
      return "idle";
    }
    let after = before;
    let cost: string | undefined;
    for (const step of steps) {
      if (filling(after) <= TRIM_ABOVE) break;
      const { state, purged } = await this.#trim(after, step);
      if (purged > 0) {
        this.#options.log.info(`${stream} is trimmed from ${percent(after)} to ${percent(state)} of its limit`);
        cost = step.cost;
      }
      after = state;
    }
    if (cost !== undefined) await this.#warn(after, `only what may still be needed was left to trim: ${cost}`);
    else if (filling(after) > WARN_ABOVE) await this.#warn(after, `trimming does not help: ${filled}`);
    return "idle";
  }

  /** Removes from the front of each part, at most up to what the step allows, until the log is small enough. */
  async #trim(before: StreamState, { bounds }: TrimStep): Promise<{ state: StreamState; purged: number }> {
    const { ledger, admin } = this.#options;
    const { stream, parts } = this.#trimmed;
    const { firstSeq, lastSeq } = before;
    const limits: { filter: string; limitSeq: number }[] = [];
    for (const part of parts) {
      const { filter, lane } = part;
      const { position, reset } = await checkPosition(admin, stream, ledger.positions.get(stream, lane));
      if (reset !== undefined) continue;
      const withinSeq = ledger.marks.seqWithin(filter, await bounds(part));
      // The message of the position stays: by it a log that was rolled back is recognized.
      limits.push({ filter, limitSeq: Math.min(withinSeq, position.seq - 1) });
    }
    // What the ledger holds only as a note would be lost with the power once the log has it no more.
    await ledger.sync();
    let state = before;
    let purged = 0;
    for (let slice = 1; slice <= SLICES && filling(state) > TRIM_TO; slice++) {
      const sliceSeq = firstSeq + Math.ceil(((lastSeq - firstSeq) * slice) / SLICES);
      for (const { filter, limitSeq } of limits) {
        const seq = Math.min(limitSeq, sliceSeq);
        if (seq < firstSeq) continue;
        purged += await admin.purgeUpTo(stream, filter, seq);
        await ledger.write(() => ledger.marks.trimmed(filter, seq));
      }
      state = await this.#state();
    }
    return { state, purged };
  }

  async #state(): Promise<StreamState> {
    const { stream } = this.#trimmed;
    const state = await this.#options.admin.streamState(stream);
    if (state === undefined) throw new RelayError("not_connected", `the stream ${stream} is not there`);
    return state;
  }

  async #warn(state: StreamState, why: string): Promise<void> {
    if (this.#warned === why) return;
    this.#warned = why;
    const text = `The log ${this.#trimmed.stream} is at ${percent(state)} of its limit, and ${why}`;
    this.#options.log.error(text);
    await this.#tell("raised", text);
  }

  async #calm(): Promise<void> {
    const { stream } = this.#trimmed;
    const stands = this.#warned !== undefined || (!this.#isSure && this.#options.ledger.own.stands(KIND, stream));
    this.#warned = undefined;
    this.#isSure = true;
    if (stands) await this.#tell("cleared", `The log ${stream} has room again`);
  }

  #tell(event: "raised" | "cleared", text: string): Promise<void> {
    const { own } = this.#options.ledger;
    const subject = this.#trimmed.stream;
    const notice = { kind: KIND, subject, category: "technical", priority: "high" } as const;
    return this.#options.ledger.write(() => own.tell({ ...notice, event, text }, Date.now(), 0));
  }
}

function filling({ bytes, bytesMax }: StreamState): number {
  return bytesMax === undefined ? 0 : bytes / bytesMax;
}

function percent(state: StreamState): string {
  return `${Math.round(filling(state) * 100)} %`;
}
