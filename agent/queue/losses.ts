import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Epochs } from "./epochs.ts";

/** Why alarms are gone: there was no room for them, or the file that held them was damaged. */
export type LossReason = "evicted" | "damaged";

/** Runs of the ledger that one alarm tells of. */
export interface Loss {
  reason: LossReason;
  ids: readonly number[];
  ranges: readonly SeqRange[];
  alarms: number;
}

interface Row {
  id: number;
  reason: LossReason;
  first_seq: number;
  last_seq: number;
}

/**
 * The loss ledger: exactly what is gone before the hub held it, as runs of seqs. A run stays until the alarm that tells
 * of it has arrived; if that alarm is given up itself, it is to be told again.
 */
export class Losses {
  readonly #open: Statement<[Lane], { id: number; last_seq: number }>;
  readonly #grow: Statement<[number, number]>;
  readonly #begin: Statement<[Lane, number, number]>;
  readonly #count: Statement<[Lane, number]>;
  readonly #retell: Statement<[string]>[];
  readonly #untold: Statement<[], Row>;
  readonly #tell: Statement<[number, string]>;
  readonly #prune: Statement<[number]>;

  constructor(db: SqliteDatabase) {
    this.#open = db.prepare(
      "SELECT id, last_seq FROM loss WHERE told_by IS NULL AND lane = ? AND reason = 'evicted' ORDER BY id DESC LIMIT 1",
    );
    this.#grow = db.prepare("UPDATE loss SET last_seq = ? WHERE id = ?");
    this.#begin = db.prepare("INSERT INTO loss (reason, lane, first_seq, last_seq) VALUES ('evicted', ?, ?, ?)");
    this.#count = db.prepare(
      "INSERT INTO evicted (lane, alarms) VALUES (?, ?) ON CONFLICT DO UPDATE SET alarms = alarms + excluded.alarms",
    );
    this.#retell = ["loss", "damage"].map((table) =>
      db.prepare(`UPDATE ${table} SET told_by = NULL WHERE told_by IN (SELECT value FROM json_each(?))`),
    );
    this.#untold = db.prepare(
      "SELECT id, reason, first_seq, last_seq FROM loss WHERE told_by IS NULL ORDER BY reason, first_seq LIMIT 20000",
    );
    this.#tell = db.prepare("UPDATE loss SET told_by = ? WHERE id IN (SELECT value FROM json_each(?))");
    this.#prune = db.prepare(
      "DELETE FROM loss WHERE id IN (SELECT id FROM loss WHERE told_by IS NOT NULL AND " +
        "NOT EXISTS (SELECT 1 FROM alarm WHERE seq = told_by AND stage < 3) LIMIT ?)",
    );
  }

  /** Adds alarms of a lane that are gone, in order. To be called inside the transaction that removes them. */
  addEvicted(lane: Lane, seqs: readonly number[]): void {
    for (const [first, last] of runsOf(seqs)) {
      const open = this.#open.get(lane);
      if (open !== undefined && open.last_seq + 1 === first) this.#grow.run(last, open.id);
      else this.#begin.run(lane, first, last);
    }
    this.#count.run(lane, seqs.length);
    for (const statement of this.#retell) statement.run(JSON.stringify(seqs));
  }

  get hasNews(): boolean {
    return this.#untold.get() !== undefined;
  }

  /** What nobody has been told of yet, in at most `parts` of which each has ranges of at most `charsMax` as JSON. */
  untold(epochs: Epochs, parts: number, charsMax: number): Loss[] {
    const losses: (Loss & { ids: number[]; ranges: SeqRange[] })[] = [];
    let chars = 0;
    for (const { id, reason, first_seq, last_seq } of this.#untold.all()) {
      const ranges = epochs.split(first_seq, last_seq);
      chars += JSON.stringify(ranges).length;
      let open = losses.at(-1);
      if (open === undefined || open.reason !== reason || chars > charsMax) {
        if (losses.length === parts) break;
        open = { reason, ids: [], ranges: [], alarms: 0 };
        losses.push(open);
        chars = JSON.stringify(ranges).length;
      }
      open.ids.push(id);
      open.ranges.push(...ranges);
      open.alarms += last_seq - first_seq + 1;
    }
    return losses;
  }

  /** The alarm of this seq tells of it. To be called inside the transaction that stores that alarm. */
  told(loss: Loss, seq: number): void {
    this.#tell.run(seq, JSON.stringify(loss.ids));
  }

  /** Forgets up to `limit` runs of which the hub has been told for good; how many it were. */
  prune(limit: number): number {
    return this.#prune.run(limit).changes;
  }
}

/** Runs of neighbours in a rising list. */
function runsOf(seqs: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const seq of seqs) {
    const open = runs.at(-1);
    if (open !== undefined && open[1] + 1 === seq) open[1] = seq;
    else runs.push([seq, seq]);
  }
  return runs;
}
