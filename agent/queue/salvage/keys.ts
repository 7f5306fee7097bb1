import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { type KeyRange, keyBounds } from "../../../shared/sqlite/salvage.ts";

/** Far more than any queue ever gives: a key beyond it is a damaged key. */
export const SEQ_MAX = 2 ** 48;
/** How far a small table is searched whose last key cannot be read. */
const KEYS_MAX = 4096;

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
export const isSeq = (value: unknown): value is number => isCount(value) && value > 0 && value <= SEQ_MAX;

/** Where the keys of a small table may lie, from `first` on. */
export function keysFrom(first: number, db: SqliteDatabase, table: string, key: string): KeyRange {
  return { first, last: keyBounds(db, table, key).last ?? KEYS_MAX };
}
