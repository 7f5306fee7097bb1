import { setTimeout as sleep } from "node:timers/promises";
import type { NatsLink } from "../../shared/nats/link.ts";
import { type LogMessage, openLog } from "../../shared/nats/log-reader.ts";
import type { StreamAdmin } from "../../shared/nats/streams.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { ChangeLog, type Logger } from "../../shared/runtime/log.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Position } from "../ledger/positions.ts";
import { checkPosition } from "./check-position.ts";

export interface FollowerOptions {
  ledger: Ledger;
  link: NatsLink;
  admin: StreamAdmin;
  log: Logger;
  /** The stream. */
  stream: string;
  /** The lane under which the position is kept. */
  lane: number;
  filter: string;
  /** What its marks are kept by. */
  markedFilters: readonly string[];
  /** Applies messages and stores `position(last message)` in the same transaction; resolves once that is synced. */
  apply: (messages: readonly LogMessage[], positionOf: (message: LogMessage) => Position) => Promise<void>;
  /** Makes the streams again where one has vanished. */
  ensureStreams: () => Promise<void>;
}

/** Messages that may wait in memory for the ledger; each is at most a frame. */
const WAITING_MAX = 128;
const RETRY_MS = 500;

/**
 * Follows one log, or one lane of ALARMS, into the ledger.
 *
 * It reads from the ledger's position on. Whenever the connection was lost, a message was missed or the ledger
 * refused, it stops, checks that the stream is still the one in which the position counts, and begins anew from the
 * ledger's position: what was read and not applied is simply read again.
 */
export class LogFollower {
  readonly #options: FollowerOptions;
  readonly #trouble: ChangeLog;
  readonly #stopping = new AbortController();
  readonly #waiters = new Set<() => void>();
  #attempt = new AbortController();
  #gate: Promise<void> | undefined;
  #busy: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #position: Position | undefined;
  #caughtUp = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#trouble = new ChangeLog((message) => options.log.warn(`following ${options.filter}: ${message}`));
    options.link.onDisconnect(() => this.#attempt.abort());
  }

  /** How far the ledger has followed, in the stream that is there now; undefined before that is known. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** True once it has reached the end that the log had when it was opened. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#attempt.abort();
    await this.#running;
  }

  /**
   * Lets what is being applied finish and applies nothing more until the function that comes back is called. Reading
   * goes on meanwhile.
   */
  async pause(): Promise<() => void> {
    let release: () => void = () => undefined;
    this.#gate = new Promise<void>((resolve) => {
      release = () => {
        this.#gate = undefined;
        resolve();
      };
    });
    await this.#busy?.catch(() => undefined);
    return release;
  }

  /** Resolves once the log has been followed up to `seq`; rejects with `timeout`. */
  waitForSeq(seq: number, timeoutMs: number): Promise<void> {
    return this.#waitFor(() => (this.#position?.seq ?? -1) >= seq, timeoutMs);
  }

  /** Resolves once the end that the log had when it was opened is reached. */
  waitCaughtUp(signal: AbortSignal): Promise<void> {
    return this.#waitFor(() => this.#caughtUp || signal.aborted, undefined, signal);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#attempt = new AbortController();
      try {
        if (!this.#options.link.connected) throw new RelayError("not_connected", "no connection to NATS");
        await this.#follow(this.#attempt.signal);
      } catch (error) {
        // The link says by itself when it is down.
        if (!signal.aborted && this.#options.link.connected) this.#trouble.say(messageOf(error));
      }
      this.#attempt.abort();
      if (!signal.aborted) await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { ledger, link, admin, stream, lane, filter, log } = this.#options;
    await this.#options.ensureStreams();
    const known = ledger.positions.get(stream, lane);
    const { position, reset } = await checkPosition(admin, stream, known);
    if (reset !== undefined) {
      // A new ledger follows everything from its start; that is no news.
      log[known === undefined ? "debug" : "warn"](`${filter} is followed from the start of ${stream}: ${reset}`);
      await ledger.write(() => {
        ledger.positions.set(stream, lane, position);
        for (const marked of this.#options.markedFilters) ledger.marks.clear(marked);
      });
    }
    this.#position = position;
    const opened = await openLog(link, { stream, filter, afterSeq: position.seq, signal });
    this.#reached(opened.pending === 0);
    this.#trouble.clear();
    await this.#pump(opened.messages, signal);
  }

  /** Reads and applies at the same time: while the ledger commits, more arrives and shares the next commit. */
  async #pump(messages: AsyncGenerator<LogMessage>, signal: AbortSignal): Promise<void> {
    let waiting: LogMessage[] = [];
    let applying: Promise<void> | undefined;
    let failure: unknown;
    const applyAll = async (): Promise<void> => {
      while (waiting.length > 0 && !signal.aborted) {
        await this.#gate;
        const batch = waiting;
        waiting = [];
        this.#busy = this.#apply(batch);
        await this.#busy;
      }
    };
    const poke = (): void => {
      applying ??= applyAll()
        .catch((error: unknown) => {
          failure = error;
          this.#attempt.abort();
        })
        .finally(() => {
          applying = undefined;
        });
    };
    for await (const message of messages) {
      waiting.push(message);
      poke();
      if (waiting.length >= WAITING_MAX) await applying;
    }
    await applying;
    if (failure !== undefined) throw failure;
  }

  async #apply(batch: readonly LogMessage[]): Promise<void> {
    const streamCreatedAt = this.#position?.streamCreatedAt ?? "";
    const positionOf = ({ seq, atMs }: LogMessage): Position => ({ streamCreatedAt, seq, messageAtMs: atMs });
    await this.#options.apply(batch, positionOf);
    const last = batch.at(-1) as LogMessage;
    this.#position = positionOf(last);
    this.#reached(last.pending === 0);
  }

  #reached(end: boolean): void {
    if (end) this.#caughtUp = true;
    for (const waiter of [...this.#waiters]) waiter();
  }

  #waitFor(done: () => boolean, timeoutMs: number | undefined, signal?: AbortSignal): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        settle();
      };
      const check = (): void => {
        if (done()) finish(resolve);
      };
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => finish(() => reject(new RelayError("timeout", "the ledger has not followed yet"))),
              timeoutMs,
            );
      signal?.addEventListener("abort", check, { once: true });
      this.#waiters.add(check);
    });
  }
}
