import { messageOf, RelayError } from "../runtime/errors.ts";
import { SqliteConnection } from "./database.ts";
import type { SqliteDatabase } from "./open.ts";

/**
 * Opens a second connection to the file of a store that is open already, which can only read: long lists neither wait
 * for the writer nor push its pages out of its cache. Throws `store_failed` with SQLite's own words.
 */
export function openSqliteReader(path: string, options: { cachePages?: number } = {}): SqliteDatabase {
  try {
    const db = new SqliteConnection(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    db.pragma("query_only = 1");
    db.pragma("temp_store = 2");
    db.pragma(`cache_size = ${options.cachePages ?? 4_000}`);
    return db;
  } catch (error) {
    throw new RelayError("store_failed", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
