import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** A mark per so many bytes of a log: some thousand for one that is full. */
const MARK_BYTES = 1024 * 1024;

/** A place of a log: a message that was followed. */
interface Place {
  seq: number;
  atMs: number;
}

/** What may go from a log. */
export interface Bounds {
  /** Only what is about lower numbers. */
  belowN?: number;
  /** Only what was stored earlier. */
  beforeMs?: number;
}

/**
 * Which part of the logs is still needed. A row per message would cost as much as applying it; instead a mark is set
 * now and then: "what lies up to that sequence is about alarms numbered up to n". Below the lowest alarm that needs a
 * log, its highest mark says how far it can be trimmed. A mark belongs to a filter, which is trimmed by itself: a lane
 * of ALARMS, all of RECEIPTS, a kind of decision.
 *
 * A receipt for an alarm that is not held does not count here: such an alarm has left the ledger or comes again, and
 * then the ledger has kept the receipt itself.
 */
export class LogMarks {
  readonly #firstN: number;
  readonly #bytes = new Map<string, number>();
  readonly #highestN = new Map<string, number>();
  readonly #statements: ReturnType<typeof prepare>;

  /** What was followed and not marked before the ledger was opened may be about any number up to `lastN`. */
  constructor(db: SqliteDatabase, lastN: number) {
    this.#firstN = lastN;
    this.#statements = prepare(db);
  }

  /** A log was followed up to there, over so many bytes that are about numbers up to `n`. Inside a transaction. */
  followed(filter: string, { seq, atMs }: Place, { bytes, n }: { bytes: number; n: number }): void {
    const highestN = Math.max(n, this.#highestN.get(filter) ?? this.#firstN);
    this.#highestN.set(filter, highestN);
    const sum = (this.#bytes.get(filter) ?? 0) + bytes;
    this.#bytes.set(filter, sum < MARK_BYTES ? sum : 0);
    if (sum >= MARK_BYTES) this.mark(filter, { seq, atMs }, highestN);
  }

  /** Marks this place, whatever lies before it: no earlier message of the log is about a higher number. */
  mark(filter: string, { seq, atMs }: Place, n: number): void {
    this.#statements.add.run(filter, seq, n, atMs);
  }

  /** The last sequence up to which all lies within the bounds; infinite without any. */
  seqWithin(filter: string, { belowN = Infinity, beforeMs = Infinity }: Bounds): number {
    if (belowN === Infinity && beforeMs === Infinity) return Infinity;
    return this.#statements.highest.get(filter, belowN, beforeMs)?.seq ?? 0;
  }

  /** The lowest number of an alarm that is not closed; infinite if all are. */
  get oldestOpenN(): number {
    return this.#statements.oldestOpen.get()?.n ?? Infinity;
  }

  /** The lowest number of an alarm (of that lane) that is not settled; infinite if all are. */
  oldestUnsettledN(lane?: Lane): number {
    const { oldestUnsettled, oldestUnsettledOf } = this.#statements;
    return (lane === undefined ? oldestUnsettled.get() : oldestUnsettledOf.get(lane))?.n ?? Infinity;
  }

  /** What lay there up to `seq` is gone. Inside a transaction. */
  trimmed(filter: string, seq: number): void {
    this.#statements.drop.run(filter, seq);
  }

  /** The log is another one, and followed from its start: its sequences mean nothing any more. Inside a transaction. */
  clear(filter: string): void {
    this.#statements.clear.run(filter);
    this.#bytes.delete(filter);
    this.#highestN.set(filter, 0);
  }
}

function prepare(db: SqliteDatabase) {
  type Lowest = { n: number | null };
  // What is not settled is not closed: the index of open alarms is walked from its oldest, rarely.
  const unsettled =
    "SELECT min(n) AS n FROM alarm INDEXED BY alarm_open WHERE closed_at IS NULL AND settled_at IS NULL";
  return {
    add: db.prepare("INSERT OR REPLACE INTO log_mark (filter, seq, n, at) VALUES (?, ?, ?, ?)"),
    oldestOpen: db.prepare("SELECT min(n) AS n FROM alarm WHERE closed_at IS NULL") as Statement<[], Lowest>,
    oldestUnsettled: db.prepare(unsettled) as Statement<[], Lowest>,
    oldestUnsettledOf: db.prepare(`${unsettled} AND lane = ?`) as Statement<[Lane], Lowest>,
    highest: db.prepare("SELECT max(seq) AS seq FROM log_mark WHERE filter = ? AND n < ? AND at < ?") as Statement<
      [string, number, number],
      { seq: number | null }
    >,
    drop: db.prepare("DELETE FROM log_mark WHERE filter = ? AND seq <= ?"),
    clear: db.prepare("DELETE FROM log_mark WHERE filter = ?"),
  };
}
