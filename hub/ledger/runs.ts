import { randomBytes } from "node:crypto";
import { prepareOnce } from "../../shared/sqlite/database.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/**
 * The starts of the hub on this ledger, in their order: each is a run with a name of its own, and begins behind the last
 * change that there was. Whoever is told a number is told the run with it, since an older copy of the ledger that is put
 * back gives numbers again.
 *
 * Whether a number that somebody knows means the same here is decided exactly: a file can be used only by starting the
 * hub on it, and that is a new run. So whatever a copy gives again lies behind the beginning of a run that nobody who
 * knows the old numbers has heard of; and what it has never given was told under a run that it does not know, or lies
 * behind the end of the one in which it was copied.
 *
 * A row per start is kept for ever: it is small, and somebody may always come back with its name.
 */
export class Runs {
  readonly #end: Statement<[string], { event: number | null }>;
  readonly #count: Statement<[], { runs: number }>;

  constructor(db: SqliteDatabase) {
    this.#end = db.prepare(
      "SELECT (SELECT min(after_event) FROM run WHERE id > r.id) AS event FROM run r WHERE r.name = ?",
    ) as Statement<[string], { event: number | null }>;
    this.#count = db.prepare("SELECT count(*) AS runs FROM run WHERE name <> ''") as Statement<[], { runs: number }>;
  }

  /** True while the hub has not been started on this ledger before. */
  get isFirst(): boolean {
    return (this.#count.get()?.runs ?? 0) <= 1;
  }

  /** Whether `run` is one of ours. */
  knows(run: string): boolean {
    return this.#end.get(run) !== undefined;
  }

  /** Whether `run` is one of ours, and the change with this event number was made in it or before it. */
  reaches(run: string, event: number): boolean {
    const end = this.#end.get(run);
    return end !== undefined && (end.event === null || event <= end.event);
  }
}

/** Notes that a run begins, and returns its name. */
export function beginRun(db: SqliteDatabase): string {
  const name = randomBytes(8).toString("hex");
  prepareOnce<[string], unknown>(
    db,
    "INSERT INTO run (name, after_event) " +
      "VALUES (?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0))",
  ).run(name);
  return name;
}
