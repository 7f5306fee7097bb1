import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** So many alarms may be missing in the index; whoever asks for an account looks at them one by one. */
const BEHIND_MAX = 4_096;

/**
 * The index of alarms by account, a few thousand alarms behind. An index that is kept with every alarm changes a page per
 * account and commit: 1.8 µs of CPU per alarm with 500 accounts and 100,000 alarms, and more with the size of the ledger.
 * Sorted and added by the thousand it takes 0.4.
 */
export class Accounts {
  readonly #upTo: Statement<[], { n: number }>;
  readonly #add: Statement<[number, number]>;
  readonly #setUpTo: Statement<[string]>;
  #indexedN: number | undefined;

  constructor(db: SqliteDatabase) {
    this.#upTo = db.prepare(`SELECT ${ACCOUNTS_UP_TO} AS n`) as Statement<[], { n: number }>;
    this.#add = db.prepare(
      "INSERT OR IGNORE INTO account_alarm (account, n) " +
        "SELECT account, n FROM alarm WHERE n > ? AND n <= ? AND account IS NOT NULL ORDER BY account, n",
    );
    this.#setUpTo = db.prepare("UPDATE meta SET value = ? WHERE key = 'accounts_up_to'");
  }

  /** Alarms up to number `lastN` are held. To be called inside a transaction. */
  held(lastN: number): void {
    this.#indexedN ??= this.#upTo.get()?.n ?? 0;
    if (lastN - this.#indexedN < BEHIND_MAX) return;
    this.#add.run(this.#indexedN, lastN);
    this.#setUpTo.run(String(lastN));
    this.#indexedN = lastN;
  }

  /** Drops what is in memory, after a transaction that failed. */
  forget(): void {
    this.#indexedN = undefined;
  }
}

/** SQL for the number up to which alarms are in the index. */
export const ACCOUNTS_UP_TO = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'accounts_up_to')";
