import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

interface Oldest {
  seq: number;
  acceptedAtMs: number;
}

/** Finds the oldest alarm that is not settled. Nothing below a settled front comes back, so each look begins there. */
export class Unsettled {
  readonly #oldest: Statement<[number], Oldest>;
  readonly #relayedSeq: Statement<[Lane, number, number, number], number | null>;
  #fromSeq = 0;
  #watched: { seq: number; ageMs: number; sinceMs: number } | undefined;

  constructor(db: SqliteDatabase) {
    this.#oldest = db.prepare(
      "SELECT seq, accepted_at AS acceptedAtMs FROM alarm WHERE seq >= ? AND stage < 3 ORDER BY seq LIMIT 1",
    );
    this.#relayedSeq = db
      .prepare(
        "SELECT max(stream_seq) FROM alarm INDEXED BY alarm_lane " +
          "WHERE lane = ? AND seq > ? AND (stage = 1 OR (stage = 2 AND ledger_n IS NOT ?)) AND stream_id = ?",
      )
      .pluck() as Statement<[Lane, number, number, number], number | null>;
  }

  /** The highest sequence among PubAcks of this stream whose alarms the ledger of that number does not hold; 0 if there are none. */
  relayedSeq(lane: Lane, afterSeq: number, { streamId, ledgerN }: { streamId: number; ledgerN: number }): number {
    return this.#relayedSeq.get(lane, afterSeq, ledgerN, streamId) ?? 0;
  }

  /**
   * For how long the oldest alarm has waited, in milliseconds; 0 if there is none. The wall clock counts only when it is
   * first seen here: from then on a clock that jumps makes it neither older nor younger.
   */
  waitingMs(nowMs: number, monotonicMs: number): number {
    const oldest = this.oldest();
    if (oldest === undefined) return 0;
    if (this.#watched?.seq !== oldest.seq) {
      this.#watched = { seq: oldest.seq, ageMs: Math.max(0, nowMs - oldest.acceptedAtMs), sinceMs: monotonicMs };
    }
    return Math.round(this.#watched.ageMs + monotonicMs - this.#watched.sinceMs);
  }

  oldest(): Oldest | undefined {
    const found = this.#oldest.get(this.#fromSeq);
    if (found !== undefined) this.#fromSeq = found.seq;
    return found;
  }
}
