import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { RelayError } from "../runtime/errors.ts";
import { SqliteConnection } from "./database.ts";
import { cannotUse } from "./open.ts";

/**
 * Takes a data directory for one process. The lock is a transaction that is never finished on a small database of
 * its own: the kernel gives it back when the process ends, however it ends, so no stale lock has to be recognized.
 * Returns the function that releases it; throws `data_dir_locked` if another process holds it,
 * `store_failed` if the disk does not take it.
 */
export function lockDataDir(dataDir: string, owner: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "lock");
  const db = new SqliteConnection(path, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith("SQLITE_BUSY")) throw cannotUse(path, error);
    throw new RelayError("data_dir_locked", `the data directory ${dataDir} is in use by another ${owner}`, {
      hint: "stop it or choose another dataDir",
    });
  }
  return () => db.close();
}
