import type { SqliteDatabase } from "./open.ts";

/**
 * Commits without waiting for the disk: what was committed outlives the process, not the power, and the next commit that
 * syncs takes it along. NORMAL leaves a WAL unsynced, and unlike OFF still syncs it before a checkpoint, so that the file
 * stays whole. Not inside a transaction.
 */
export function withoutSync<T>(db: SqliteDatabase, commit: () => T): T {
  // Not prepared: this pragma takes effect while it is compiled.
  db.exec("PRAGMA synchronous = NORMAL");
  try {
    return commit();
  } finally {
    db.exec("PRAGMA synchronous = FULL");
  }
}
