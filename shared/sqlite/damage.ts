import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { RelayError } from "../runtime/errors.ts";
import { SqliteConnection } from "./database.ts";

/** The files of one SQLite database in WAL mode: its own path and what is appended to it. */
const SUFFIXES = ["", "-wal", "-shm"] as const;
/** A file up to this size is checked as a whole when it is opened: some 1.4 ms per MiB. */
const CHECK_BYTES_MAX = 64 * 2 ** 20;
/** The file format, clause 1.3: what of the header never changes in a database of ours (magic, 4 KiB pages, WAL). */
const HEADER = Buffer.from("SQLite format 3\0\x10\0\x02\x02\0\x40\x20\x20", "latin1");

/** True if SQLite, or our own look at the file, found the database damaged: waiting does not help, salvage does. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Database.SqliteError) {
    return error.code.startsWith("SQLITE_CORRUPT") || error.code === "SQLITE_NOTADB";
  }
  if (!(error instanceof RelayError)) return false;
  return error.code === "store_damaged" || isDamage(error.cause);
}

export function damaged(path: string, what: string): RelayError {
  return new RelayError("store_damaged", `${path} is damaged: ${what}`, {
    hint: "look at the disk; what can be read is salvaged from it",
  });
}

/** The name under which `setAside` puts a database now: `<path>.damaged-2026-11-21T10-40-00Z`. */
export function asideName(path: string, nowMs = Date.now()): string {
  const name = `${path}.damaged-${new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
  let free = name;
  for (let n = 2; SUFFIXES.some((suffix) => existsSync(free + suffix)); n++) free = `${name}-${n}`;
  return free;
}

/**
 * Renames a damaged database with its write-ahead log, which must be closed, and returns its new name. Nothing is ever
 * deleted here, nor later: how many such files stay is for the operator, to whom an alarm names each.
 */
export function setAside(path: string, name = asideName(path)): string {
  for (const suffix of SUFFIXES) if (existsSync(path + suffix)) renameSync(path + suffix, name + suffix);
  syncFolder(path);
  return name;
}

/** Makes renames and removals in the folder of `path` last. */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Looks at a file before SQLite does, which takes an empty one for a new database. Throws `store_damaged`. */
export function verifyHeader(path: string): void {
  if (!existsSync(path)) {
    if (sizeOf(`${path}-wal`) > 0) throw damaged(path, "only its write-ahead log is there");
    return;
  }
  if (sizeOf(path) === 0) throw damaged(path, "it is empty");
  const header = Buffer.alloc(HEADER.length);
  const file = openSync(path, "r");
  readSync(file, header);
  closeSync(file);
  if (!header.equals(HEADER)) throw damaged(path, "its header is not that of a database of ours");
}

/**
 * Looks at a database that SQLite could open: its schema must be, to the letter, what its version's migrations make,
 * and its pages must hang together as far as that is known in little time. Throws `store_damaged`.
 */
export function verifyContent(db: Database.Database, path: string, migrations: readonly { sql: string }[]): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  // A newer version of the relay has another schema; ours under a higher number is a damaged number.
  if (schemaOf(db) !== schemaMadeBy(migrations.slice(0, version))) {
    if (version > migrations.length) return;
    throw damaged(path, "its schema is not that of its version");
  }
  if (version > migrations.length) throw damaged(path, `it calls itself version ${version}`);
  if (sizeOf(path) > CHECK_BYTES_MAX) return;
  const found = db.pragma("quick_check(1)", { simple: true });
  if (found !== "ok") throw damaged(path, String(found).trim().replaceAll(/\s+/g, " "));
}

function schemaMadeBy(migrations: readonly { sql: string }[]): string {
  const db = new SqliteConnection(":memory:");
  for (const { sql } of migrations) db.exec(sql);
  const schema = schemaOf(db);
  db.close();
  return schema;
}

function schemaOf(db: Database.Database): string {
  const rows = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid").raw().all();
  return JSON.stringify(rows);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
