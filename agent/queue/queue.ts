import { join } from "node:path";
import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import type { Report } from "../../shared/alarm/report.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { ChangesReply, Followed, StageMessage } from "../../shared/wire/change.ts";
import type { Application } from "./changes.ts";
import type { ClaimedFrame } from "./claims.ts";
import { draftAlarms } from "./draft.ts";
import { Events } from "./events.ts";
import { Housekeeping } from "./housekeeping.ts";
import { MendingStore } from "./mending-store.ts";
import { storeNotices } from "./own-alarms.ts";
import type { Parts, PartsOptions } from "./parts.ts";
import type { CustodyPosition } from "./position.ts";
import { summaryOf } from "./summary.ts";
import { sweepLost, sweepUnsettled } from "./sweeps.ts";
import type {
  Acceptance,
  AcceptOptions,
  Acceptor,
  AlarmFilter,
  AlarmWithStages,
  QuarantineEntry,
  QueueReader,
  QueueSummary,
  StageEvent,
} from "./types.ts";

export const QUEUE_FILE = "queue.db";
/** How long a PubAck may wait to be stored together with others. */
const MARKS_WAIT_MS = 50;

export interface QueueOptions extends Omit<PartsOptions, "nowMs" | "events"> {
  dataDir: string;
  log: Logger;
  /** The wall clock, in milliseconds since 1970. */
  nowMs?: () => number;
}

/**
 * The store at the edge: every alarm from its acceptance until nothing more is owed. One SQLite file with one writer,
 * in a data directory that the caller has locked.
 *
 *     accept ──▶ rows ──claim──▶ relay ──markRelayed──▶ relayed ──apply──▶ held ──apply──▶ settled ──▶ pruned
 *                  ▲                                       │
 *                  └──────────── relayLost ────────────────┘  the hub has followed past it and does not hold it
 *
 * Reads are synchronous. A write resolves when its transaction is synced; writes that meet share one.
 */
export class Queue implements Acceptor, QueueReader {
  readonly #agent: string;
  readonly #limits: QueueOptions["limits"];
  readonly #nowMs: () => number;
  readonly #store: MendingStore;
  readonly #housekeeping: Housekeeping;
  readonly #waitingListeners: (() => void)[] = [];
  #marksTimer: NodeJS.Timeout | undefined;
  #toldLastSeq: number;
  #isClosed = false;

  /**
   * Opens the queue of a data directory and begins a new epoch. A damaged file is set aside and what can be read of it
   * is salvaged. Throws as `openSqlite` does.
   */
  constructor(options: QueueOptions) {
    const { agent, dataDir, limits, log, nowMs = Date.now } = options;
    this.#agent = agent;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#store = new MendingStore({
      file: { path: join(dataDir, QUEUE_FILE), agent, log, nowMs },
      parts: { ...options, nowMs, events: new Events() },
      afterCommit: () => this.#afterCommit(),
      afterMend: () => this.#afterMend(),
    });
    this.#toldLastSeq = this.#parts.counts.lastSeq;
    this.#housekeeping = new Housekeeping({
      log,
      store: this.#store,
      keepConfirmedMs: limits.keepConfirmedMs,
      nowMs,
      storeNotices: () => this.#storeNotices(),
    });
  }

  /** Begins to tell of losses, to prune, and to give space back. */
  start(): void {
    this.#housekeeping.start();
  }

  /** Stores what is waiting and closes the file. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#store.stopMending();
    await this.#housekeeping.stop();
    clearTimeout(this.#marksTimer);
    if (!this.#parts.marks.isEmpty) this.#storeMarksSoon();
    this.#store.close();
  }

  /** Why the last write failed; undefined if it did not. */
  get fault(): string | undefined {
    return this.#store.fault;
  }

  // For inputs.

  async accept(reports: readonly Report[], options: AcceptOptions): Promise<Acceptance[]> {
    const nowMs = this.#nowMs();
    const drafts = draftAlarms(this.#agent, reports, nowMs);
    const mayUseReserve = options.input === "relay";
    const results = await this.#store.write(() =>
      this.#parts.intake.store(drafts, { changeKey: options.changeKey, mayUseReserve, nowMs }),
    );
    if (results !== "full") return results;
    throw new RelayError("queue_full", "the queue is full of alarms that the hub does not hold yet", {
      hint: "send it again later; if it stays full, look at the link to the hub",
    });
  }

  async quarantine(entry: { input: string; source: string; reason: string; payload: Uint8Array }): Promise<void> {
    await this.#store.write(() => {
      this.#parts.quarantine.add(entry, this.#nowMs());
      this.#storeNotices();
    });
  }

  // For the relay.

  /** True while a claim of this lane may find something. */
  isWaiting(lane: Lane): boolean {
    return this.#parts.claims.isWaiting(lane);
  }

  /** The next frame of a lane, of at most `bytesMax` bytes unless one alarm alone is larger. */
  claim(lane: Lane, bytesMax?: number): ClaimedFrame | undefined {
    return this.#store.read(() => this.#parts.claims.claim(lane, bytesMax));
  }

  /** Called whenever there may be something new to claim. */
  onWaiting(listener: () => void): void {
    this.#waitingListeners.push(listener);
  }

  /** JetStream has the frame. Stored soon, together with others; nobody needs to wait for it. */
  markRelayed({ lane, seqs, again }: ClaimedFrame, ack: { seq: number }): void {
    const streamId = this.#parts.streams.currentId;
    this.#parts.marks.add({ frame: { lane, seqs, again }, streamId, streamSeq: ack.seq, atMs: this.#nowMs() });
    this.#marksTimer ??= setTimeout(() => this.#storeMarksSoon(), MARKS_WAIT_MS);
  }

  /** ALARMS has lost what it had acknowledged: PubAcks so far count for nothing. Resolves once that is stored. */
  distrustPubAcks(): Promise<void> {
    return this.#store.write(() => {
      this.#storeMarks();
      this.#parts.streams.distrust();
    });
  }

  /** Takes an alarm that cannot be relayed out of its lane and into quarantine, so that what is behind it goes on. */
  async setAside(seq: number, alarm: string, reason: string): Promise<void> {
    const source = this.#parts.epochs.idOf(seq);
    await this.#store.write(() => {
      if (!this.#parts.aside.put(seq)) return;
      this.#parts.quarantine.add({ input: "relay", source, reason, payload: Buffer.from(alarm) }, this.#nowMs());
      this.#storeNotices();
    });
  }

  // For custody.

  /** How far the hub's changes have been applied. */
  get position(): Readonly<CustodyPosition> {
    return this.#parts.position.now;
  }

  /** The epoch of this start. */
  get epoch(): string {
    return this.#parts.epochs.current;
  }

  /** Each epoch of the file that has alarms, with its first and last seq, oldest first; or only the newest of them. */
  epochs(limit?: number): SeqRange[] {
    return this.#parts.epochs.ranges(limit);
  }

  /** Syncs what was noted of hints: only then may the hub be told how far we are, since it forgets what we have. */
  async sync(): Promise<void> {
    await this.#store.write(() => this.#parts.position.touch());
  }

  /** Applies changes that came as a hint; where they do not continue the list, nothing is applied. */
  applyHint(message: StageMessage): Promise<Application> {
    return this.#store.note(() => {
      this.#storeMarks();
      return this.#parts.changes.applyHint(message);
    });
  }

  /** Applies what the hub answered to the question for changes after `since`; nothing where it is to be asked again. */
  applyReply(reply: ChangesReply, since: number): Promise<Application> {
    return this.#store.write(() => {
      this.#storeMarks();
      return this.#parts.changes.applyReply(reply, since);
    });
  }

  /**
   * Relays again what had a PubAck and is lost: the hub has followed its lane past it, or follows another stream, and
   * its ledger does not hold it. To be called with what came with the last of the changes.
   */
  async relayLost(followed: Followed): Promise<void> {
    const streamId = await this.#store.write(() => {
      this.#storeMarks();
      return this.#parts.streams.follow(followed.streamCreatedAt);
    });
    this.#store.read(() => sweepLost(this.#parts, followed, streamId));
    this.#tellWaiting();
  }

  // For the interface and the commands.

  get(id: string): AlarmWithStages | undefined {
    return this.#store.read(() => this.#parts.reader.get(id));
  }

  list(filter: AlarmFilter): { items: AlarmWithStages[]; nextCursor?: string } {
    return this.#store.read(() => this.#parts.reader.list(filter));
  }

  *iterate(filter: Omit<AlarmFilter, "limit" | "cursor">): IterableIterator<AlarmWithStages> {
    let after: number | undefined = 0;
    while (after !== undefined) {
      const from: number = after;
      const page = this.#store.read(() => this.#parts.reader.pageAfter(filter, from));
      yield* page.items;
      after = page.lastSeq;
    }
  }

  summary(): QueueSummary {
    return this.#store.read(() => summaryOf(this.#parts, this.#limits, this.#nowMs()));
  }

  quarantined(options: { limit: number; cursor?: string }): { items: QuarantineEntry[]; nextCursor?: string } {
    return this.#store.read(() => this.#parts.quarantine.list(options));
  }

  quarantinedPayload(n: number): { input: string; source: string; payload: Uint8Array } | undefined {
    return this.#store.read(() => this.#parts.quarantine.payload(n));
  }

  removeQuarantined(n: number): Promise<boolean> {
    return this.#store.write(() => this.#parts.quarantine.remove(n));
  }

  async relayAgain(ids?: readonly string[]): Promise<number> {
    const seqs = ids?.map((id) => this.#parts.epochs.seqOf(id)).filter((seq) => seq !== undefined);
    const back = await this.#store.write(() => this.#parts.aside.takeBack(seqs));
    this.#parts.claims.name(back);
    const unsettled = ids === undefined ? this.#store.read(() => sweepUnsettled(this.#parts)) : 0;
    this.#tellWaiting();
    return ids === undefined ? unsettled : back.length;
  }

  onStage(listener: (event: StageEvent) => void): () => void {
    return this.#parts.events.listen(listener);
  }

  get #parts(): Parts {
    return this.#store.parts;
  }

  #afterMend(): void {
    this.#toldLastSeq = this.#parts.counts.lastSeq;
    this.#tellWaiting();
    this.#housekeeping.poke();
  }

  #afterCommit(): void {
    if (this.#parts.counts.lastSeq === this.#toldLastSeq) return;
    this.#toldLastSeq = this.#parts.counts.lastSeq;
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    for (const listener of this.#waitingListeners) listener();
  }

  #storeMarks(): void {
    this.#parts.marks.store((mark) => this.#parts.stages.relayed(mark));
  }

  #storeMarksSoon(): void {
    this.#marksTimer = undefined;
    // If it fails, `fault` says why and the marks wait for the next write that succeeds.
    this.#store.note(() => this.#storeMarks()).catch(() => undefined);
  }

  #storeNotices(): boolean {
    return storeNotices(this.#parts, this.#agent, this.#nowMs());
  }
}
