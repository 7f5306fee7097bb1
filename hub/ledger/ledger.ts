import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Lane } from "../../shared/alarm/priority.ts";
import { prepareOnce } from "../../shared/sqlite/database.ts";
import { GroupCommit, type WorkOptions } from "../../shared/sqlite/group-commit.ts";
import { openSqlite, type SqliteDatabase } from "../../shared/sqlite/open.ts";
import { laneAlarmsSubject, OWN_AGENT } from "../../shared/wire/subjects.ts";
import { Accounts } from "./accounts.ts";
import { Changes, type CommittedChanges } from "./changes.ts";
import { ConfigVersions } from "./config-versions.ts";
import { Declarations } from "./declarations.ts";
import { Deliveries } from "./deliveries.ts";
import { type AnsweredFrame, Effects, type Outlet } from "./effects.ts";
import { Faults } from "./faults.ts";
import { Fresh } from "./fresh.ts";
import { Gaps } from "./gaps.ts";
import { type FrameToHold, type HeldAlarm, Holder } from "./hold.ts";
import { LogMarks } from "./log-marks.ts";
import { Names } from "./names.ts";
import { type LedgerObserver, NO_OBSERVER } from "./observer.ts";
import { Outbox } from "./outbox.ts";
import { OwnAlarms } from "./own-alarms.ts";
import { Positions } from "./positions.ts";
import { Receipts } from "./receipts.ts";
import { Refs } from "./refs.ts";
import { Refusals, type RefusedAlarm } from "./refusals.ts";
import { Retell } from "./retell.ts";
import { Retention } from "./retention.ts";
import { beginRun, Runs } from "./runs.ts";
import { ledgerMigrations } from "./schema.ts";
import { Seen } from "./seen.ts";
import { StoreWatch } from "./store-watch.ts";

/** What a commit means for those who work from memory. */
export interface Committed {
  changes: CommittedChanges;
  poked: Iterable<Outlet>;
  answered: readonly AnsweredFrame[];
}

/** Alarms in one transaction, and so what a critical one waits for at most that arrives meanwhile: 5 to 10 ms. */
export const COMMIT_ALARMS_MAX = 512;
/** How long bookkeeping may wait for other work to go along with. */
const LAZY_MS = 20;
export const LEDGER_FILE = "ledger.db";

/**
 * The ledger is a fold of the logs: each batch of messages is applied in one transaction together with the position
 * behind it, so that it is always the state after exactly what it says it has followed. All of it can be built anew
 * from the logs and the agents.
 *
 * There is one writer. `write()` groups what arrives together into one synced commit; what the commit means is handed
 * to the listeners only after it is on disk, since nothing may be told or dispatched that could still vanish.
 */
export class Ledger {
  readonly path: string;
  /** The name of this start's run: goes along with every number of a change. */
  readonly run: string;
  readonly runs: Runs;
  readonly names: Names;
  readonly positions: Positions;
  readonly configs: ConfigVersions;
  readonly changes: Changes;
  readonly deliveries: Deliveries;
  readonly receipts: Receipts;
  readonly refs: Refs;
  readonly outbox: Outbox;
  readonly faults: Faults;
  readonly retention: Retention;
  readonly own: OwnAlarms;
  readonly declarations: Declarations;
  readonly gaps: Gaps;
  readonly marks: LogMarks;
  readonly store: StoreWatch;

  readonly #db: SqliteDatabase;
  readonly #commit: GroupCommit;
  readonly #seen: Seen;
  readonly #accounts: Accounts;
  readonly #effects = new Effects();
  readonly #fresh = new Fresh();
  readonly #holder: Holder;
  readonly #refusals: Refusals;
  readonly #listeners = new Set<(committed: Committed) => void>();
  readonly #observer: LedgerObserver;
  #id: string;

  /** Opens (or creates) the ledger in `dataDir`. Throws as `openSqlite` does. */
  constructor(dataDir: string, observer: LedgerObserver = NO_OBSERVER) {
    this.path = join(dataDir, LEDGER_FILE);
    this.#db = openSqlite({
      path: this.path,
      migrations: ledgerMigrations,
      cachePages: 4_000,
      checkpointPages: 8_000,
      verifies: true,
    });
    this.#commit = new GroupCommit(this.#db, {
      sizeMax: COMMIT_ALARMS_MAX,
      afterCommit: () => this.#tell(),
      afterRollback: (error) => this.#forget(error),
    });
    this.store = new StoreWatch(() => this.sync());
    this.#observer = observer;
    const db = this.#db;
    this.names = new Names(db);
    this.#seen = new Seen(db);
    this.#accounts = new Accounts(db);
    this.positions = new Positions(db);
    this.configs = new ConfigVersions(db);
    this.runs = new Runs(db);
    this.changes = new Changes(db, { runs: this.runs });
    this.refs = new Refs(db, this.names);
    this.outbox = new Outbox(db, { effects: this.#effects, fresh: this.#fresh });
    this.own = new OwnAlarms(db);
    this.declarations = new Declarations(db, { names: this.names });
    this.gaps = new Gaps(db);
    this.faults = new Faults(db, { observer, own: this.own });
    this.retention = new Retention(db);
    const parts = {
      names: this.names,
      changes: this.changes,
      effects: this.#effects,
      fresh: this.#fresh,
      seen: this.#seen,
      refs: this.refs,
      own: this.own,
      gaps: this.gaps,
    };
    this.deliveries = new Deliveries(db, { ...parts, observer });
    this.receipts = new Receipts(db, { ...parts, deliveries: this.deliveries });
    const retell = new Retell(db, parts);
    this.#holder = new Holder(db, { ...parts, retell });
    this.#refusals = new Refusals({ ...parts, retell });
    this.marks = new LogMarks(db, this.#holder.lastN);
    this.#id = ledgerId(db);
    this.run = beginRun(db);
  }

  /** Changes with every new or rolled back ledger: numbers of changes count within one ledger only. */
  get id(): string {
    return this.#id;
  }

  /**
   * Gives the ledger a new id, because somebody knows changes that are not in it: it was restored from an older copy.
   * Under the new id agents ask for everything again. To be called inside a transaction.
   */
  renewId(): void {
    prepareOnce(this.#db, "DELETE FROM meta WHERE key = 'ledger'").run();
    this.#id = ledgerId(this.#db);
  }

  /** Runs SQL-only `work` in the next transaction; its size is in alarms. Resolves once it is synced. */
  write<T>(work: () => T, options?: WorkOptions): Promise<T> {
    return this.#commit.write(work, options);
  }

  /** The same for what a log will tell again: committed, and synced with the next `write`. */
  note<T>(work: () => T, options?: WorkOptions): Promise<T> {
    return this.#commit.note(work, options);
  }

  /** The same for bookkeeping that nobody waits for: it goes along with other work, or alone after a short while. */
  noteLazily<T>(work: () => T): Promise<T> {
    return this.#commit.noteLazily(work, LAZY_MS);
  }

  /** Resolves once all that was noted is synced. */
  sync(): Promise<void> {
    return this.write(() => this.#probe());
  }

  /** Holds the alarms of a frame, and applies what centers had said about them before. Inside `write()` only. */
  hold(frame: FrameToHold, nowMs: number): HeldAlarm[] {
    const held = this.#holder.hold(frame, nowMs);
    this.#observer.held(frame.lane, held.length);
    this.#accounts.held(this.#holder.lastN);
    this.receipts.applyEarly(frame.agent, held);
    if (frame.agent === OWN_AGENT) this.own.held(frame.alarms.map(({ alarm }) => alarm.id));
    return held;
  }

  /** A lane of ALARMS was followed up to that message, over so many bytes. Inside `write()` only. */
  followed(lane: Lane, message: { seq: number; atMs: number }, bytes: number): void {
    this.marks.followed(laneAlarmsSubject(lane), message, { bytes, n: this.#holder.lastN });
  }

  /** Settles at the edge what cannot be held; false if that was done before. Inside `write()` only. */
  refuse(alarm: RefusedAlarm, nowMs: number): boolean {
    return this.#refusals.refuse(alarm, nowMs);
  }

  /** Calls `listener` after every commit with what it means; returns how to stop that. */
  onCommit(listener: (committed: Committed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Commits what is waiting and closes the file. */
  close(): void {
    if (!this.#db.open) return;
    this.store.close();
    try {
      this.#commit.flush();
      this.#db.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      this.#db.close();
    }
  }

  #probe(): void {
    prepareOnce(this.#db, "INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', ?)").run(randomUUID());
  }

  #tell(): void {
    this.store.works();
    const committed = { changes: this.changes.take(), ...this.#effects.take() };
    for (const listener of this.#listeners) listener(committed);
  }

  #forget(error: unknown): void {
    this.store.failed(error);
    try {
      for (const part of [
        this.names,
        this.#seen,
        this.#accounts,
        this.configs,
        this.declarations,
        this.changes,
        this.receipts,
        this.#effects,
        this.#fresh,
        this.#holder,
      ]) {
        part.forget();
      }
      this.#id = ledgerId(this.#db);
    } catch (worse) {
      // What is in memory may be wrong now; only a file that cannot be read at all comes here, and it is replaced.
      this.store.failed(worse);
    }
  }
}

function ledgerId(db: SqliteDatabase): string {
  const found = prepareOnce<[], { value: string }>(db, "SELECT value FROM meta WHERE key = 'ledger'").get();
  if (found !== undefined) return found.value;
  const id = randomUUID();
  prepareOnce<[string], unknown>(db, "INSERT INTO meta (key, value) VALUES ('ledger', ?)").run(id);
  return id;
}
