import { LANES, type Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { type Counts, ROW_BYTES, STAGE, type StageNumber } from "./counts.ts";
import type { Losses } from "./losses.ts";

export interface QueueLimits {
  rowsMax: number;
  bytesMax: number;
  /** From 0 to 1: the share of both that only critical alarms may use. */
  criticalReserve: number;
  keepConfirmedMs: number;
}

/** What a call wants to store. */
export interface Need {
  rows: number;
  bytes: number;
  /** The least urgent lane among them. */
  lane: Lane;
  /** Our own alarms tell of losses: they may use the reserve, too. */
  mayUseReserve: boolean;
}

/** History goes in steps, so that a queue that lives at its limit does not search for each row. */
const HISTORY_STEP = 500;

const LOWEST_FIRST = LANES.toReversed();
const UNHELD = [STAGE.relayed, STAGE.accepted] as const;

interface Excess {
  rows: number;
  bytes: number;
}

interface Victims {
  seqs: readonly number[];
  bytes: number;
}

/**
 * Makes room at the limit, in this order: what is settled, what the hub holds, then what the hub does not hold of the
 * lanes below that of the newcomer, lowest lane and oldest first; never a critical alarm that the hub does not hold.
 * The last kind is written to the loss ledger. If nothing may go, the newcomer is refused: its device still has it.
 */
export class Room {
  readonly #limits: QueueLimits;
  readonly #counts: Counts;
  readonly #losses: Losses;
  readonly #victims: Statement<[Lane, number, number], { seq: number; bytes: number }>;
  readonly #deletes: Statement<[Lane, number, number]>[];

  constructor(db: SqliteDatabase, parts: { limits: QueueLimits; counts: Counts; losses: Losses }) {
    this.#limits = parts.limits;
    this.#counts = parts.counts;
    this.#losses = parts.losses;
    this.#victims = db.prepare("SELECT seq, bytes FROM alarm WHERE lane = ? AND stage = ? ORDER BY seq LIMIT ?");
    const chosen = "SELECT seq FROM alarm WHERE lane = ? AND stage = ? AND seq <= ?";
    this.#deletes = [
      db.prepare(`DELETE FROM delivery WHERE seq IN (${chosen})`),
      db.prepare(`DELETE FROM body WHERE seq IN (${chosen})`),
      db.prepare("DELETE FROM alarm WHERE lane = ? AND stage = ? AND seq <= ?"),
    ];
  }

  /** True once there is room for `need`. To be called inside the storing transaction. */
  make(need: Need): boolean {
    if (this.#fits(need)) return true;
    if (!this.#couldFit(need)) return false;
    // Each round removes at least one row, so it ends.
    while (!this.#fits(need)) {
      if (!this.#evictHistory() && !this.#evictUnheld(need)) return false;
    }
    return true;
  }

  #fits(need: Need): boolean {
    return isCovered(this.#excess(need, this.#counts.rows(), this.#counts.bytes));
  }

  /** Nothing is lost for a newcomer that would be refused all the same: what may go must be enough. */
  #couldFit(need: Need): boolean {
    let rows = 0;
    let bytes = 0;
    for (const lane of LANES) {
      if (lane > need.lane) continue;
      for (const stage of UNHELD) {
        rows += this.#counts.rowsOf(lane, stage);
        bytes += this.#counts.bytesOf(lane, stage);
      }
    }
    return isCovered(this.#excess(need, rows, bytes));
  }

  /** By how much `rows` and `bytes` that stay exceed the limit once `need` is added. */
  #excess(need: Need, rows: number, bytes: number): Excess {
    const share = need.lane === 0 || need.mayUseReserve ? 1 : 1 - this.#limits.criticalReserve;
    return {
      rows: rows + need.rows - this.#limits.rowsMax * share,
      bytes: bytes + need.bytes + need.rows * ROW_BYTES - this.#limits.bytesMax * share,
    };
  }

  #evictHistory(): boolean {
    for (const stage of [STAGE.settled, STAGE.held] as const) {
      for (const lane of LOWEST_FIRST) {
        if (this.#evict(lane, stage, HISTORY_STEP) !== undefined) return true;
      }
    }
    return false;
  }

  #evictUnheld(need: Need): boolean {
    const excess = this.#excess(need, this.#counts.rows(), this.#counts.bytes);
    const averageBytes = this.#counts.bytes / Math.max(1, this.#counts.rows());
    const limit = Math.max(1, Math.ceil(excess.rows), Math.ceil(excess.bytes / averageBytes));
    for (const lane of LOWEST_FIRST) {
      if (lane <= need.lane) break;
      for (const stage of UNHELD) {
        const gone = this.#evict(lane, stage, limit);
        if (gone === undefined) continue;
        this.#losses.addEvicted(lane, gone.seqs);
        this.#counts.evicted(lane, gone.seqs.length);
        return true;
      }
    }
    return false;
  }

  /** Removes the oldest `limit` rows of a lane and stage; undefined if there were none. */
  #evict(lane: Lane, stage: StageNumber, limit: number): Victims | undefined {
    if (this.#counts.rowsOf(lane, stage) === 0) return undefined;
    const victims = this.#victims.all(lane, stage, limit);
    const last = victims.at(-1);
    if (last === undefined) return undefined;
    for (const statement of this.#deletes) statement.run(lane, stage, last.seq);
    const gone = { seqs: victims.map(({ seq }) => seq), bytes: victims.reduce((sum, row) => sum + row.bytes, 0) };
    this.#counts.removed(lane, stage, gone.seqs.length, gone.bytes);
    return gone;
  }
}

function isCovered(excess: Excess): boolean {
  return excess.rows <= 0 && excess.bytes <= 0;
}
