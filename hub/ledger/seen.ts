import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

interface Range {
  first: number;
  last: number;
}

/**
 * Which sequence numbers of an epoch the ledger has ever held, as ranges, kept for ever: the second line of
 * deduplication behind the server's two minutes, and the record in which a hole shows.
 *
 * Ranges of an epoch in use are in memory. Four lanes interleave their numbers, so there may be a few open ranges at
 * a time; they grow together as the lanes catch up with each other.
 */
export class Seen {
  readonly #ranges = new Map<number, Range[]>();
  readonly #load: Statement<[number], Range>;
  readonly #put: Statement<[number, number, number]>;
  readonly #drop: Statement<[number, number]>;

  constructor(db: SqliteDatabase) {
    this.#load = db.prepare(
      "SELECT first_seq AS first, last_seq AS last FROM seen WHERE epoch_id = ? ORDER BY first_seq",
    ) as Statement<[number], Range>;
    this.#put = db.prepare(
      "INSERT INTO seen (epoch_id, first_seq, last_seq) VALUES (?, ?, ?) " +
        "ON CONFLICT (epoch_id, first_seq) DO UPDATE SET last_seq = excluded.last_seq",
    );
    this.#drop = db.prepare("DELETE FROM seen WHERE epoch_id = ? AND first_seq = ?");
  }

  has(epochId: number, seq: number): boolean {
    const ranges = this.#of(epochId);
    const range = ranges[lastAtOrBelow(ranges, seq)];
    return range !== undefined && seq <= range.last;
  }

  /**
   * Adds sequence numbers that were not seen before, in rising order. Neighbours are added as one run, so that a
   * frame costs one row and not one per alarm.
   */
  add(epochId: number, seqs: readonly number[]): void {
    let run: Range | undefined;
    for (const seq of seqs) {
      if (run !== undefined && seq === run.last + 1) run.last = seq;
      else {
        if (run !== undefined) this.#addRun(epochId, run);
        run = { first: seq, last: seq };
      }
    }
    if (run !== undefined) this.#addRun(epochId, run);
  }

  ranges(epochId: number): readonly Range[] {
    return this.#of(epochId);
  }

  /** Drops what is in memory, after a transaction that failed. */
  forget(): void {
    this.#ranges.clear();
  }

  #addRun(epochId: number, run: Range): void {
    const ranges = this.#of(epochId);
    const index = lastAtOrBelow(ranges, run.first);
    const before = ranges[index];
    const after = ranges[index + 1];
    const joinsBefore = before !== undefined && before.last + 1 === run.first;
    const joinsAfter = after !== undefined && run.last + 1 === after.first;
    const merged = { first: joinsBefore ? before.first : run.first, last: joinsAfter ? after.last : run.last };
    if (joinsAfter) this.#drop.run(epochId, after.first);
    this.#put.run(epochId, merged.first, merged.last);
    ranges.splice(joinsBefore ? index : index + 1, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), merged);
  }

  #of(epochId: number): Range[] {
    let ranges = this.#ranges.get(epochId);
    if (ranges === undefined) {
      ranges = this.#load.all(epochId);
      this.#ranges.set(epochId, ranges);
    }
    return ranges;
  }
}

/** The index of the last range that begins at or below `seq`; -1 if there is none. */
function lastAtOrBelow(ranges: readonly Range[], seq: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range).first <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
