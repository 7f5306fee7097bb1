import type { SqliteDatabase } from "../../sqlite/open.ts";
import type { AlarmRecord, OutcomeKind } from "./outcome-store.ts";

/** What a row says about the handler calls for one alarm. */
export type CallState = Readonly<Pick<AlarmRecord, "id" | "calls" | "outcome">>;

/** The handler calls that a center remembers, one row per alarm. Writes belong into a transaction of the caller. */
export class CallsTable {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #rowsMax: number;
  readonly #keepMs: number;
  #sinceTrim = 0;

  constructor(db: SqliteDatabase, limits: { rowsMax?: number; keepMs?: number }) {
    this.#statements = prepare(db);
    this.#rowsMax = limits.rowsMax ?? ROWS_MAX;
    this.#keepMs = limits.keepMs ?? KEEP_MS;
    this.#trim();
  }

  /** What is known about each of these alarms, or a fresh record. */
  find(ids: readonly string[]): AlarmRecord[] {
    const known = new Map(this.#statements.find.all(JSON.stringify(ids)).map((row) => [row.id, row]));
    return ids.map((id) => recordOf(id, known.get(id)));
  }

  /** Writes the states of calls, neighbours that are alike with one statement. */
  write(states: Iterable<CallState>): void {
    let alike: CallState[] = [];
    for (const state of states) {
      if (alike[0] !== undefined && !areAlike(alike[0], state)) {
        this.#writeAlike(alike);
        alike = [];
      }
      alike.push(state);
    }
    this.#writeAlike(alike);
    if (this.#sinceTrim >= TRIM_EVERY_ROWS) this.#trim();
  }

  #writeAlike(states: readonly CallState[]): void {
    const [first] = states;
    if (first === undefined) return;
    this.#sinceTrim += states.length;
    const { calls, outcome } = first;
    this.#statements.write.run({
      ids: JSON.stringify(states.map(({ id }) => id)),
      calls,
      at: Date.now(),
      outcome: outcome === undefined ? null : KINDS.indexOf(outcome.kind),
      reason: outcome?.reason ?? null,
      attempt: outcome?.deliveredAttempt ?? null,
    });
  }

  /** Removes what is too old or too many, a thousand rows at a time. */
  #trim(): void {
    this.#sinceTrim = 0;
    const { newest, trim } = this.#statements;
    const lastRow = newest.get()?.n ?? 0;
    trim.run({ upTo: lastRow - this.#rowsMax, before: Date.now() - this.#keepMs, rows: 2 * TRIM_EVERY_ROWS });
  }
}

const ROWS_MAX = 1_000_000;
const KEEP_MS = 30 * 24 * 3_600_000;
const TRIM_EVERY_ROWS = 1_000;
/** The place of a kind is its number in the file. */
const KINDS: readonly OutcomeKind[] = ["received", "failed", "rejected"];

interface CallRow {
  id: string;
  calls: number;
  outcome: number | null;
  reason: string | null;
  attempt: number | null;
}

function recordOf(id: string, row: CallRow | undefined): AlarmRecord {
  if (row === undefined) return { id, calls: 0, outcome: undefined };
  const kind = row.outcome === null ? undefined : KINDS[row.outcome];
  const outcome =
    kind === undefined ? undefined : { kind, reason: row.reason ?? undefined, deliveredAttempt: row.attempt ?? 1 };
  return { id, calls: row.calls, outcome };
}

function areAlike(one: CallState, other: CallState): boolean {
  return (
    one.calls === other.calls &&
    one.outcome?.kind === other.outcome?.kind &&
    one.outcome?.reason === other.outcome?.reason &&
    one.outcome?.deliveredAttempt === other.outcome?.deliveredAttempt
  );
}

function prepare(db: SqliteDatabase) {
  return {
    find: db.prepare<[string], CallRow>(
      `SELECT alarm.id, calls, outcome, reason, attempt FROM json_each(?) AS asked CROSS JOIN alarm ON alarm.id = asked.value`,
    ),
    write: db.prepare(
      `INSERT INTO alarm (id, calls, at, outcome, reason, attempt)
         SELECT value, @calls, @at, @outcome, @reason, @attempt FROM json_each(@ids) WHERE true
         ON CONFLICT (id) DO UPDATE SET calls = excluded.calls, at = excluded.at, outcome = excluded.outcome,
           reason = excluded.reason, attempt = excluded.attempt`,
    ),
    newest: db.prepare<[], { n: number }>("SELECT n FROM alarm ORDER BY n DESC LIMIT 1"),
    trim: db.prepare(
      `DELETE FROM alarm WHERE n IN
         (SELECT n FROM (SELECT n, at FROM alarm ORDER BY n LIMIT @rows) WHERE n <= @upTo OR at < @before)`,
    ),
  };
}
