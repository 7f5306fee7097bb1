import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { type KeyRange, readByKey, readFromEnds, tryRead } from "../../../shared/sqlite/salvage.ts";
import { keysFrom } from "./keys.ts";

export type Values = Record<string, unknown>;

/** What follows from alarms or is told again by the hub stands behind what does not. */
const BY_KEY = ["quarantine", "center", "route", "stream"] as const;
const BY_ORDER: readonly [table: string, orderBy: readonly string[]][] = [
  ["delivery", ["seq", "center_id"]],
  ["raise", ["account", "area", "point", "condition"]],
  ["report_id", ["account", "point", "report_id", "digest"]],
  ["change_key", ["key"]],
];

/** Copies the tables of a damaged file whose rows are taken as they are. */
export class Tables {
  /** Those that could not be read to their end. */
  readonly unreadable = new Set<string>();
  readonly #from: SqliteDatabase;
  readonly #to: SqliteDatabase;

  constructor(from: SqliteDatabase, to: SqliteDatabase) {
    this.#from = from;
    this.#to = to;
  }

  /** What has keys of its own and does not hang on alarms. */
  copyKeyed(): void {
    this.#to.exec("DELETE FROM stream");
    for (const table of BY_KEY) {
      const key = table === "quarantine" ? "n" : "id";
      const unreadable = this.copyByKey(table, key, keysFrom(1, this.#from, table, key));
      if (unreadable.length > 0) this.unreadable.add(table);
    }
    this.#to.exec("INSERT INTO stream (created_at) SELECT '' WHERE NOT EXISTS (SELECT 1 FROM stream)");
  }

  /** What hangs on alarms; true if no delivery is missing. */
  copyOrdered(): boolean {
    for (const [table, orderBy] of BY_ORDER) this.#copyInOrder(table, orderBy);
    return !this.unreadable.has("delivery");
  }

  /** What was lost earlier, and what had been told of it; what an alarm tells that is gone is to be told again. */
  copyLedgers(): void {
    for (const table of ["loss", "damage", "evicted"]) {
      const key = table === "evicted" ? "lane" : "id";
      // Under new ids: what is lost now stands there already.
      const unreadable = this.copyByKey(table, key, keysFrom(0, this.#from, table, key), { without: "id" });
      if (unreadable.length > 0) this.unreadable.add(table);
    }
    for (const table of ["loss", "damage"]) {
      this.#to.exec(`UPDATE ${table} SET told_by = NULL WHERE told_by NOT IN (SELECT seq FROM alarm)`);
    }
  }

  /** Copies the rows that can be read and are accepted; returns the keys of those that are not. */
  copyByKey(
    table: string,
    key: string,
    range: KeyRange,
    { without, accepts = () => true }: { without?: string; accepts?: (row: Values) => boolean } = {},
  ): KeyRange[] {
    const { columns, insert } = this.#columnsOf(table, without);
    const refused: KeyRange[] = [];
    const unreadable = readByKey<Values>(this.#from, { table, key, columns: columns.join(", ") }, range, (row) => {
      if (!accepts(row) || !insert(row)) refused.push({ first: row.key_, last: row.key_ });
    });
    return [...unreadable, ...refused];
  }

  #copyInOrder(table: string, orderBy: readonly string[]): void {
    const { columns, insert } = this.#columnsOf(table);
    let isWhole = true;
    const isRead = readFromEnds<Values>(this.#from, { table, orderBy, columns: columns.join(", ") }, (row) => {
      isWhole = insert(row) && isWhole;
    });
    if (!isRead || !isWhole) this.unreadable.add(table);
  }

  /** The columns of a table of the new file, and how a row gets into it: false if its values are not of its types. */
  #columnsOf(table: string, without?: string): { columns: string[]; insert: (row: Values) => boolean } {
    const all = this.#to.prepare("SELECT name FROM pragma_table_info(?)").pluck().all(table) as string[];
    const columns = all.filter((column) => column !== without);
    const places = columns.map(() => "?").join(", ");
    const statement = this.#to.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
    return {
      columns,
      insert: (row) => tryRead(() => statement.run(...columns.map((column) => row[column]))) !== undefined,
    };
  }
}
