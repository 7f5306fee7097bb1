import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { type Counts, STAGE } from "./counts.ts";

const ROWS_PER_STEP = 500;
const VACUUM_PAGES = 250;
/** Free pages that the file keeps for what comes next (2 MiB). */
const FREE_PAGES_KEPT = 500;

interface Part {
  last: number | null;
  oldest: number;
}

/** Removes confirmed alarms that are old enough, and gives their space back, in steps that block nobody for long. */
export class Pruner {
  readonly #db: SqliteDatabase;
  readonly #counts: Counts;
  readonly #part: Statement<[number], Part>;
  readonly #old: Statement<[number, number, number], { lane: Lane; rows: number; bytes: number }>;
  readonly #deletes: Statement<[number, number, number]>[];
  #afterSeq = 0;
  #hasVacuumed = false;

  constructor(db: SqliteDatabase, counts: Counts) {
    this.#db = db;
    this.#counts = counts;
    this.#part = db.prepare(
      "SELECT max(seq) AS last, min(accepted_at) AS oldest FROM " +
        `(SELECT seq, accepted_at FROM alarm WHERE seq > ? ORDER BY seq LIMIT ${ROWS_PER_STEP})`,
    );
    const old = "seq > ? AND seq <= ? AND stage = 3 AND settled_at < ?";
    this.#old = db.prepare(`SELECT lane, count(*) AS rows, sum(bytes) AS bytes FROM alarm WHERE ${old} GROUP BY lane`);
    this.#deletes = [
      db.prepare(`DELETE FROM delivery WHERE seq IN (SELECT seq FROM alarm WHERE ${old})`),
      db.prepare(`DELETE FROM body WHERE seq IN (SELECT seq FROM alarm WHERE ${old})`),
      db.prepare(`DELETE FROM alarm WHERE ${old}`),
    ];
  }

  /** One step over the rows, oldest first; false once the rest is younger. To be called inside a transaction. */
  step(settledBeforeMs: number): boolean {
    const part = this.#part.get(this.#afterSeq);
    if (part === undefined || part.last === null || part.oldest >= settledBeforeMs) {
      this.#afterSeq = 0;
      return false;
    }
    const bind = [this.#afterSeq, part.last, settledBeforeMs] as const;
    for (const { lane, rows, bytes } of this.#old.all(...bind)) {
      this.#counts.removed(lane, STAGE.settled, rows, bytes);
    }
    for (const statement of this.#deletes) statement.run(...bind);
    this.#afterSeq = part.last;
    return true;
  }

  rollback(): void {
    this.#afterSeq = 0;
  }

  /** Gives a few free pages back to the disk; false once few enough are left. Not inside a transaction. */
  vacuumStep(): boolean {
    const free = this.#db.pragma("freelist_count", { simple: true }) as number;
    if (free > FREE_PAGES_KEPT) {
      this.#db.pragma(`incremental_vacuum(${Math.min(VACUUM_PAGES, free - FREE_PAGES_KEPT)})`);
      this.#hasVacuumed = true;
      return true;
    }
    // The file gets shorter only when the write-ahead log is copied back into it.
    if (this.#hasVacuumed) this.#db.pragma("wal_checkpoint(TRUNCATE)");
    this.#hasVacuumed = false;
    return false;
  }
}
