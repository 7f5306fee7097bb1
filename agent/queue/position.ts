import { damaged } from "../../shared/sqlite/damage.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** How far the hub's numbered changes have been applied. */
export interface CustodyPosition {
  /** The ledger that numbers them; empty before the hub has ever answered. */
  ledger: string;
  /** The run of the hub that told of them last; empty if the hub does not tell its runs. */
  run: string;
  /** Counts the ledgers that this file has known. */
  ledgerN: number;
  changeN: number;
}

/** The custody position, stored in the transaction of the changes that it counts. */
export class Position {
  readonly #set: Statement<[string, string, number, number]>;
  #now: CustodyPosition;
  #committed: CustodyPosition;

  constructor(db: SqliteDatabase) {
    this.#set = db.prepare("UPDATE custody SET ledger = ?, run = ?, ledger_n = ?, change_n = ?");
    const read = db.prepare("SELECT ledger, run, ledger_n AS ledgerN, change_n AS changeN FROM custody");
    const found = read.get() as CustodyPosition | undefined;
    if (found === undefined) throw damaged("the queue", "its custody position is gone");
    this.#now = found;
    this.#committed = found;
  }

  get now(): CustodyPosition {
    return this.#now;
  }

  /** To be called inside the transaction. */
  set(position: CustodyPosition): void {
    this.#store(position);
    this.#now = position;
  }

  /** Writes what is there already: shows whether the disk takes it. To be called inside a transaction. */
  touch(): void {
    this.#store(this.#now);
  }

  #store({ ledger, run, ledgerN, changeN }: CustodyPosition): void {
    this.#set.run(ledger, run, ledgerN, changeN);
  }

  commit(): void {
    this.#committed = this.#now;
  }

  rollback(): void {
    this.#now = this.#committed;
  }
}
