import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

interface Row {
  seq: number;
  lane: Lane;
}

/** Alarms that cannot be relayed as they are: their lane passes over them until somebody asks to try them again. */
export class Aside {
  readonly #put: Statement<[number]>;
  readonly #all: Statement<[], Row>;
  readonly #named: Statement<[string], Row>;
  readonly #takeBack: Statement<[string]>;

  constructor(db: SqliteDatabase) {
    this.#put = db.prepare("UPDATE alarm SET aside = 1 WHERE seq = ? AND aside = 0");
    this.#all = db.prepare("SELECT seq, lane FROM alarm WHERE aside = 1 ORDER BY seq");
    this.#named = db.prepare(
      "SELECT seq, lane FROM alarm WHERE seq IN (SELECT value FROM json_each(?)) AND stage < 3 ORDER BY seq",
    );
    this.#takeBack = db.prepare(
      "UPDATE alarm SET aside = 0 WHERE seq IN (SELECT value FROM json_each(?)) AND aside = 1",
    );
  }

  /** False if it is gone or set aside already. To be called inside a transaction. */
  put(seq: number): boolean {
    return this.#put.run(seq).changes > 0;
  }

  /** Takes back these, or all that are set aside; returns which of them are unsettled. Inside a transaction. */
  takeBack(seqs?: readonly number[]): Row[] {
    const rows = seqs === undefined ? this.#all.all() : this.#named.all(JSON.stringify(seqs));
    this.#takeBack.run(JSON.stringify(rows.map((row) => row.seq)));
    return rows;
  }
}
