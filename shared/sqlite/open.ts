import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type Database from "better-sqlite3";
import { messageOf, RelayError } from "../runtime/errors.ts";
import { verifyContent, verifyHeader } from "./damage.ts";
import { SqliteConnection } from "./database.ts";

export type SqliteDatabase = Database.Database;
export type Statement<Bind extends unknown[] = unknown[], Row = unknown> = Database.Statement<Bind, Row>;

/** One step of a store's history: additive SQL, run once, in the order of the list. */
export interface Migration {
  name: string;
  sql: string;
}

export interface OpenOptions {
  path: string;
  /** Numbered by their place: the database's user_version says how many of them it has seen. */
  migrations: readonly Migration[];
  /** Pages of 4 KiB that the connection may cache; 2,000 (8 MiB) unless given. */
  cachePages?: number;
  /**
   * Pages of the write-ahead log at which it is copied into the database; 1,000 (4 MiB) unless given. A page that
   * changes often is copied once per checkpoint, so a busy store does better with more.
   */
  checkpointPages?: number;
  /** Whether to look for damage first (`verifyHeader`, `verifyContent`), for a store that can be salvaged or rebuilt. */
  verifies?: boolean;
}

/**
 * The settings on which the promise rests. The WAL default of better-sqlite3 is `synchronous = NORMAL`, with which the
 * last commits vanish at a power cut; so each one is written out and read back.
 */
const PRAGMAS = [
  ["journal_mode", "wal"],
  ["synchronous", 2],
  ["foreign_keys", 1],
  ["temp_store", 2],
] as const;

/**
 * Opens (or creates) the SQLite file of a store with synced commits, and brings it to the newest schema.
 * Throws `store_unsafe` if SQLite does not take a setting, `store_newer` if a newer version of the relay wrote the
 * file, `store_damaged` if it was to be verified and is not whole, and `store_failed` with SQLite's own words for everything else.
 */
export function openSqlite(options: OpenOptions): SqliteDatabase {
  mkdirSync(dirname(options.path), { recursive: true });
  if (options.verifies) verifyHeader(options.path);
  let db: SqliteDatabase;
  try {
    db = new SqliteConnection(options.path, { timeout: 5_000 });
  } catch (error) {
    throw new RelayError("store_failed", `cannot open ${options.path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    if (options.verifies) verifyContent(db, options.path, options.migrations);
    // auto_vacuum takes effect only before the first table exists; later it is left as it is.
    db.pragma("auto_vacuum = INCREMENTAL");
    for (const [name, value] of PRAGMAS) db.pragma(`${name} = ${value}`);
    db.pragma(`wal_autocheckpoint = ${options.checkpointPages ?? 1_000}`);
    db.pragma(`cache_size = ${options.cachePages ?? 2_000}`);
    for (const [name, value] of PRAGMAS) {
      const found: unknown = db.pragma(name, { simple: true });
      if (found !== value) {
        throw new RelayError("store_unsafe", `SQLite kept ${name} = ${String(found)} for ${options.path}`, {
          hint: "put the data directory on a local disk",
        });
      }
    }
    migrate(db, options);
    return db;
  } catch (error) {
    db.close();
    throw cannotUse(options.path, error);
  }
}

/** What went wrong with a store that was to be opened, for people: an error that is none of ours becomes `store_failed`. */
export function cannotUse(path: string, error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("store_failed", `cannot use ${path}: ${messageOf(error)}`, {
    hint: "look at the disk below it",
    cause: error,
  });
}

function migrate(db: SqliteDatabase, { path, migrations }: OpenOptions): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (version > migrations.length) {
    throw new RelayError("store_newer", `${path} was written by a newer version of the relay`, {
      hint: "install that version again, or choose another data directory",
    });
  }
  if (version === migrations.length) return;
  db.transaction(() => {
    for (const migration of migrations.slice(version)) db.exec(migration.sql);
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
}
