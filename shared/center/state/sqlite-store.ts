import { join } from "node:path";
import { GroupCommit } from "../../sqlite/group-commit.ts";
import { lockDataDir } from "../../sqlite/lock.ts";
import type { Migration, SqliteDatabase } from "../../sqlite/open.ts";
import { withoutSync } from "../../sqlite/without-sync.ts";
import { CallLog } from "./call-log.ts";
import { CallsTable } from "./calls-table.ts";
import { HeldFramesTable } from "./held-frames.ts";
import { machineStart } from "./machine-start.ts";
import { openState } from "./open-state.ts";
import type { Acknowledgment, AlarmRecord, KeptAcknowledgment, Outcome, OutcomeStore } from "./outcome-store.ts";

/**
 * Remembers in a file what the center did with each alarm, so that a handler is called once for it.
 *
 * - `begin` writes to the call log, without syncing: over SIGKILL the mark is exact, and a call that was cut off is told
 *   from one that never began. The next commit takes it into the database.
 * - A machine that went down without a clean stop may have lost marks, and so has a file that was damaged. Then an alarm
 *   that is handed out again and has no outcome counts as begun before.
 * - `finish` and `keepAcknowledgment` are synced before their promise resolves; what ends in one turn shares a commit.
 *   Until then the next `begin` takes both along into the call log, so that a kill repeats only the calls that ran, and
 *   parts no outcome from the acknowledgment that its handler gave.
 * - A row is kept for 30 days, and the 1,000,000 most recent ones at most (about 100 MB). An alarm that the hub hands
 *   out again after that is a new one to this center.
 */
export class SqliteStore implements OutcomeStore {
  readonly isDurable = true;
  readonly damage: string | undefined;
  readonly #db: SqliteDatabase;
  readonly #unlock: () => void;
  readonly #commit: GroupCommit;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #calls: CallsTable;
  readonly #frames: HeldFramesTable;
  readonly #log: CallLog;
  readonly #mayHaveLostMarks: boolean;
  /** How often calls were committed; the lines of the call log carry it. */
  #commits: number;
  /** Begun or ended since then. */
  readonly #changed = new Set<AlarmRecord>();
  /** Of what changed, and of what is to be committed beside it, what the call log does not hold yet. */
  #unlogged: { calls: AlarmRecord[]; acknowledgments: KeptAcknowledgment[] } = nothing();
  /** The commit that takes along what changed. */
  #saving: Promise<void> | undefined;
  /** The transaction under way holds what changed. */
  #isSaved = false;
  /** Why the last transaction failed. */
  #failure: unknown;
  #lastAcknowledgmentN: number;

  constructor(stateDir: string, limits: { rowsMax?: number; keepMs?: number } = {}) {
    this.#unlock = lockDataDir(stateDir, "center");
    try {
      ({ db: this.#db, damage: this.damage } = openState(join(stateDir, "center.db"), migrations));
      this.#log = new CallLog(join(stateDir, "calls"));
    } catch (error) {
      this.#unlock();
      throw error;
    }
    this.#statements = prepare(this.#db);
    this.#calls = new CallsTable(this.#db, limits);
    this.#commit = new GroupCommit(this.#db, {
      afterCommit: () => this.#committed(),
      afterRollback: (error) => {
        this.#isSaved = false;
        this.#failure = error;
      },
    });
    const unsynced = this.#db.transaction((work: () => void) => work());
    this.#frames = new HeldFramesTable(this.#db, (work) => withoutSync(this.#db, () => unsynced.immediate(work)));
    this.#commits = Number(this.#statements.getMeta.get("commits")?.value ?? 0);
    this.#takeOver();
    this.#lastAcknowledgmentN = this.#statements.lastAcknowledgment.get()?.seq ?? 0;
    this.#mayHaveLostMarks = this.#enter();
  }

  find(ids: readonly string[]): AlarmRecord[] {
    return this.#calls.find(ids);
  }

  attemptOf(record: AlarmRecord, wire: { attempt: number; deliveryCount: number }): number {
    const handedOutBefore = wire.attempt > 1 || wire.deliveryCount > 1;
    return record.calls + (record.calls === 0 && handedOutBefore && this.#mayHaveLostMarks ? 2 : 1);
  }

  begin(records: readonly AlarmRecord[]): void {
    // On a disk that takes no commits the call log would grow for ever.
    if (this.#failure !== undefined) this.#saveNow();
    const { calls, acknowledgments } = this.#unlogged;
    const begun = records.map((record) => ({ id: record.id, calls: record.calls + 1, outcome: undefined }));
    this.#log.append(this.#commits, { calls: [...calls, ...begun], acknowledgments });
    this.#unlogged = nothing();
    for (const record of records) {
      record.calls++;
      record.outcome = undefined;
      this.#changed.add(record);
    }
  }

  finish(record: AlarmRecord, outcome: Outcome): Promise<void> {
    record.outcome = outcome;
    this.#changed.add(record);
    this.#unlogged.calls.push(record);
    return this.#save();
  }

  keepAcknowledgment(acknowledgment: Acknowledgment): Promise<KeptAcknowledgment> {
    const kept = { ...acknowledgment, n: ++this.#lastAcknowledgmentN };
    this.#unlogged.acknowledgments.push(kept);
    // The two share a transaction, which alone empties the call log.
    void this.#save().catch(() => undefined);
    return this.#commit.write(() => this.#insertAcknowledgment(kept)).then(() => kept);
  }

  forgetAcknowledgments(kept: readonly KeptAcknowledgment[]): void {
    this.#commit
      .write(() => {
        for (const { n } of kept) this.#statements.forgetAcknowledgment.run(n);
      })
      // What is not forgotten is sent again, and the hub passes over what it knows.
      .catch(() => undefined);
  }

  keptAcknowledgments(): KeptAcknowledgment[] {
    return this.#statements.keptAcknowledgments.all().map((row) => ({ ...row, note: row.note ?? undefined }));
  }

  holdFrame(ackSubject: string): void {
    this.#frames.hold(ackSubject);
  }

  letGoFrame(ackSubject: string): void {
    this.#frames.letGo(ackSubject);
  }

  takeLeftFrames(): string[] {
    return this.#frames.takeLeft();
  }

  close(): void {
    if (!this.#db.open) return;
    try {
      this.#frames.flush();
      if (this.#changed.size > 0) void this.#save().catch(() => undefined);
      this.#commit.flush();
      this.#statements.setMeta.run("stop", "clean");
    } finally {
      this.#log.close();
      this.#db.close();
      this.#unlock();
    }
  }

  /** Commits what an earlier process had not committed when it was killed. */
  #takeOver(): void {
    const entries = this.#log.read(this.#commits);
    if (entries.length === 0) return;
    for (const { calls } of entries) for (const call of calls) this.#changed.add({ ...call });
    this.#db.transaction(() => {
      for (const kept of entries.flatMap(({ acknowledgments }) => acknowledgments)) this.#insertAcknowledgment(kept);
      this.#writeChanged();
    })();
    this.#committed();
  }

  /** Notes that a process runs on this file. True if the machine went down since the last clean stop. */
  #enter(): boolean {
    const { getMeta, setMeta } = this.#statements;
    const machine = machineStart();
    const before = getMeta.get("machine")?.value;
    const stop = getMeta.get("stop")?.value;
    const haveLostMarks = this.damage !== undefined || stop === "lost" || (stop === "none" && before !== machine);
    this.#db.transaction(() => {
      setMeta.run("machine", machine);
      setMeta.run("stop", haveLostMarks ? "lost" : "none");
    })();
    return haveLostMarks;
  }

  /** Resolves once all that changed until now is synced; calls that end in one turn share the promise. */
  #save(): Promise<void> {
    this.#saving ??= this.#commit.write(() => {
      this.#saving = undefined;
      this.#writeChanged();
    });
    return this.#saving;
  }

  /** Throws if the disk does not take it. */
  #saveNow(): void {
    void this.#save().catch(() => undefined);
    this.#commit.flush();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #committed(): void {
    this.#failure = undefined;
    if (!this.#isSaved) return;
    this.#isSaved = false;
    this.#commits++;
    this.#changed.clear();
    this.#unlogged = nothing();
    this.#log.startAgain();
  }

  #writeChanged(): void {
    this.#calls.write(this.#changed);
    // This makes the commit one that syncs, also where the rows are as they were.
    this.#statements.setMeta.run("commits", String(this.#commits + 1));
    this.#isSaved = true;
  }

  #insertAcknowledgment({ n, id, operator, note, at }: KeptAcknowledgment): void {
    this.#statements.keepAcknowledgment.run(n, id, operator, note ?? null, at);
  }
}

const migrations: readonly Migration[] = [
  {
    name: "what was done with each alarm",
    sql: `
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      -- n rises with time; an outcome of NULL is a handler call that was begun and has not ended.
      CREATE TABLE alarm (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, calls INTEGER NOT NULL, at INTEGER NOT NULL,
        outcome INTEGER, reason TEXT, attempt INTEGER
      ) STRICT;
      CREATE TABLE acknowledgment (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, operator TEXT NOT NULL, note TEXT, at TEXT NOT NULL
      ) STRICT;
      CREATE TABLE frame (n INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE) STRICT;
    `,
  },
];

interface AcknowledgmentRow {
  n: number;
  id: string;
  operator: string;
  note: string | null;
  at: string;
}

function nothing(): { calls: AlarmRecord[]; acknowledgments: KeptAcknowledgment[] } {
  return { calls: [], acknowledgments: [] };
}

function prepare(db: SqliteDatabase) {
  return {
    keepAcknowledgment: db.prepare(
      "INSERT OR IGNORE INTO acknowledgment (n, id, operator, note, at) VALUES (?, ?, ?, ?, ?)",
    ),
    // AUTOINCREMENT: a number is not given again although its row is gone.
    lastAcknowledgment: db.prepare<[], { seq: number }>(
      "SELECT seq FROM sqlite_sequence WHERE name = 'acknowledgment'",
    ),
    forgetAcknowledgment: db.prepare("DELETE FROM acknowledgment WHERE n = ?"),
    keptAcknowledgments: db.prepare<[], AcknowledgmentRow>(
      "SELECT n, id, operator, note, at FROM acknowledgment ORDER BY n",
    ),
    getMeta: db.prepare<[string], { value: string }>("SELECT value FROM meta WHERE key = ?"),
    setMeta: db.prepare(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ),
  };
}
