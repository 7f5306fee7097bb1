import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { SqliteConnection } from "./database.ts";
import type { SqliteDatabase, Statement } from "./open.ts";

/** A run of keys, both ends included. */
export interface KeyRange {
  first: number;
  last: number;
}

/** Rows that are read at a time. */
const CHUNK_ROWS = 500;
/** After so many reads of one table that failed (some seconds), what is left of it counts as unreadable. */
const FAILURES_MAX = 100_000;

/** Opens a damaged database to read what can be read. Nothing of it is changed; a broken schema is used as far as it goes. */
export function openDamaged(path: string): SqliteDatabase {
  // SQLite takes an empty file for a new database and removes its write-ahead log.
  if (statSync(path, { throwIfNoEntry: false })?.size === 0) return openNothing();
  const db = new SqliteConnection(path, { readonly: true, fileMustExist: true });
  try {
    db.pragma("query_only = 1");
    // With it SQLite reads on where the schema, or the length of the file, is not as it should be.
    db.unsafeMode(true);
    db.pragma("writable_schema = 1");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** In place of a database that cannot be opened at all: one in which there is nothing. */
export function openNothing(): SqliteDatabase {
  return new SqliteConnection(":memory:");
}

/** Runs a read of a damaged database; undefined if SQLite cannot do it. Errors of others pass. */
export function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Database.SqliteError) return undefined;
    throw error;
  }
}

/**
 * Reads the rows of a table by its integer key and hands each to `onRow`, once. First as they lie, whatever their keys
 * say: where a bit of a key was turned over, different rows may have the same one, and each is handed over. If that
 * ends at a bad page, also from the back, and then range by range from `first` to `last`: what cannot be read is
 * halved, down to single keys, so that one bad page costs the rows of that page only. Returns what could not be read.
 */
export function readByKey<Row>(
  db: SqliteDatabase,
  { table, key, columns }: { table: string; key: string; columns: string },
  range: KeyRange,
  onRow: (row: Row & { key_: number }) => void,
): KeyRange[] {
  const seen = new Set<number>();
  const once = (row: Row & { key_: number }): void => {
    const digest = digestOf(row);
    if (seen.has(digest)) return;
    seen.add(digest);
    onRow(row);
  };
  const all = `${key} AS key_, ${columns}`;
  if (readFromEnds(db, { table, columns: all, orderBy: [key] }, once)) return [];
  const select = tryRead(
    () =>
      db.prepare(
        `SELECT ${all} FROM ${table} WHERE ${key} BETWEEN ? AND ? ORDER BY ${key} LIMIT ${CHUNK_ROWS}`,
      ) as Statement<[number, number], Row & { key_: number }>,
  );
  return select === undefined ? [range] : readByHalves((first, last) => select.all(first, last), range, once);
}

/** 48 bits and five more, which a number holds: of a million rows two have the same in 1 of 18,000 files. */
function digestOf(row: object): number {
  const digest = createHash("sha1").update(JSON.stringify(row)).digest();
  return digest.readUIntBE(0, 6) * 32 + (digest.readUInt8(6) & 31);
}

function readByHalves<Row extends { key_: number }>(
  read: (first: number, last: number) => Row[],
  all: KeyRange,
  onRow: (row: Row) => void,
): KeyRange[] {
  const unreadable: KeyRange[] = [];
  const ranges = [all];
  let failures = 0;
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const { first, last } = range;
    const rows = failures < FAILURES_MAX ? tryRead(() => read(first, last)) : undefined;
    if (rows !== undefined) {
      for (const row of rows) onRow(row);
      const next = (rows.at(-1)?.key_ ?? last) + 1;
      // A damaged page may give keys out of order: then it is left at what it gave.
      if (rows.length === CHUNK_ROWS && next > first && next <= last) ranges.push({ first: next, last });
      continue;
    }
    failures++;
    if (first === last || failures >= FAILURES_MAX) addRange(unreadable, range);
    else {
      const middle = first + Math.floor((last - first) / 2);
      ranges.push({ first: middle + 1, last }, { first, last: middle });
    }
  }
  return unreadable;
}

/**
 * Reads a table that has no integer key, in the order of its index from the front and, if that ends at a bad page, from
 * the back. Returns whether it was read to its end; a row may be handed over twice.
 */
export function readFromEnds<Row>(
  db: SqliteDatabase,
  { table, orderBy, columns }: { table: string; orderBy: readonly string[]; columns: string },
  onRow: (row: Row) => void,
): boolean {
  const read = (direction: "" | " DESC"): boolean => {
    const order = orderBy.map((column) => column + direction).join(", ");
    const isDone = tryRead(() => {
      const rows = db.prepare(`SELECT ${columns} FROM ${table} ORDER BY ${order}`).iterate() as IterableIterator<Row>;
      for (const row of rows) onRow(row);
      return true;
    });
    return isDone ?? false;
  };
  if (read("")) return true;
  read(" DESC");
  return false;
}

/** The lowest and the highest key of a table, as far as they can be read. */
export function keyBounds(db: SqliteDatabase, table: string, key: string): { first?: number; last?: number } {
  const end = (word: "min" | "max"): number | null | undefined =>
    tryRead(() => db.prepare(`SELECT ${word}(${key}) FROM ${table}`).pluck().get() as number | null);
  const [first, last] = [end("min"), end("max")];
  return { ...(typeof first === "number" ? { first } : {}), ...(typeof last === "number" ? { last } : {}) };
}

function addRange(ranges: KeyRange[], { first, last }: KeyRange): void {
  const open = ranges.at(-1);
  if (open !== undefined && open.last + 1 === first) open.last = last;
  else ranges.push({ first, last });
}
