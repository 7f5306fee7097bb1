import Database from "better-sqlite3";

/** Result codes that say something about a row or a statement, and nothing about the file or the disk below it. */
const ABOUT_THE_ROW = ["SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_ERROR"];

/** True for an error of the store itself: the same work may succeed once the disk has space, or works again. */
export function isStoreTrouble(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  return !ABOUT_THE_ROW.some((code) => error.code.startsWith(code));
}
