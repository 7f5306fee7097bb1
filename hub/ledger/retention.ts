import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { firstHeldSince } from "./held-since.ts";

/** Bounded on both sides: behind the old alarms lie millions that are too young, and the hub waits for this. */
export const EXPIRED_SQL = "SELECT n FROM alarm WHERE n > ? AND n < ? AND closed_at < ? ORDER BY n LIMIT ?";

/**
 * Removes closed alarms whose time is over, with all that belongs to them. What the ledger has seen stays for ever,
 * so that an alarm of which nothing is left is still recognized when it comes again.
 */
export class Retention {
  readonly #db: SqliteDatabase;
  readonly #expired: Statement<[number, number, number, number], { n: number }>;
  readonly #removals: readonly Statement<[number]>[];
  #doneN = 0;

  constructor(db: SqliteDatabase) {
    this.#db = db;
    this.#expired = db.prepare(EXPIRED_SQL) as Statement<[number, number, number, number], { n: number }>;
    this.#removals = [
      // One key per center and lane: the table is ordered by them, and the alarm's route names its centers.
      db.prepare(
        "DELETE FROM delivery WHERE (center_id, lane, n) IN (SELECT c.id, a.lane, a.n FROM alarm a " +
          "JOIN route r ON r.id = a.route_id JOIN json_each(r.centers) j JOIN center c ON c.name = j.value WHERE a.n = ?)",
      ),
      db.prepare("DELETE FROM history WHERE n = ?"),
      db.prepare("DELETE FROM account_alarm WHERE (account, n) IN (SELECT account, n FROM alarm WHERE n = ?)"),
      db.prepare("DELETE FROM body WHERE n = ?"),
      db.prepare("DELETE FROM alarm WHERE n = ?"),
    ];
  }

  /**
   * Removes up to `limit` alarms that were closed before `beforeMs`; how many it were. What is still open is passed
   * over, and looked at again once the end was reached. To be called in a transaction.
   */
  remove(beforeMs: number, limit: number): number {
    const expired = this.#expired.all(this.#doneN, firstHeldSince(this.#db, beforeMs), beforeMs, limit);
    for (const { n } of expired) for (const removal of this.#removals) removal.run(n);
    this.#doneN = expired.length < limit ? 0 : (expired.at(-1)?.n ?? 0);
    return expired.length;
  }
}
