import type { SqliteDatabase, Statement } from "./open.ts";

/**
 * Rows that one statement inserts. Half of what a row costs by itself is the way into SQLite and back: with 16 at once
 * a held alarm (two rows with 21 values) takes 8.5 µs of CPU instead of 12; with 32 it takes as long.
 */
const ROWS_AT_ONCE = 16;

/** Inserts rows of one table, many at a time. What was added is in the table only after `flush`. */
export class BulkInsert<Row extends readonly unknown[]> {
  readonly #one: Statement;
  readonly #many: Statement;
  /** Of the rows that wait, one after the other. */
  #values: unknown[] = [];
  #rows = 0;

  /** `into` names the table and its columns; `values` stands for one row, in brackets, with a `?` for each value. */
  constructor(db: SqliteDatabase, into: string, values: string) {
    const insert = (rows: number): Statement =>
      db.prepare(`INSERT INTO ${into} VALUES ${Array.from({ length: rows }, () => values).join(", ")}`);
    this.#one = insert(1);
    this.#many = insert(ROWS_AT_ONCE);
  }

  /** To be called inside a transaction, as `flush`. */
  add(...row: Row): void {
    this.#values.push(...row);
    this.#rows += 1;
    if (this.#rows < ROWS_AT_ONCE) return;
    this.#many.run(...this.#values);
    this.forget();
  }

  flush(): void {
    const width = this.#values.length / this.#rows;
    for (let at = 0; at < this.#values.length; at += width) this.#one.run(...this.#values.slice(at, at + width));
    this.forget();
  }

  /** Drops what waits, after a transaction that failed. */
  forget(): void {
    this.#values = [];
    this.#rows = 0;
  }
}
