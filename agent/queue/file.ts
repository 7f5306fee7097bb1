import { existsSync, renameSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { asideName, isDamage, setAside, syncFolder } from "../../shared/sqlite/damage.ts";
import { cannotUse, openSqlite, type SqliteDatabase } from "../../shared/sqlite/open.ts";
import { openDamaged, tryRead } from "../../shared/sqlite/salvage.ts";
import { type Salvage, salvageQueue } from "./salvage/salvage.ts";
import type { KnownEpochs } from "./salvage/seen-epochs.ts";
import { queueMigrations } from "./schema.ts";

export interface FileOptions {
  path: string;
  agent: string;
  log: Logger;
  nowMs: () => number;
}

/** The new file while it is being filled; whole only once the damaged one is no longer in its place. */
const newPath = (path: string): string => `${path}.new`;

/**
 * Opens the queue's file and makes something of it with `use`. If either finds it damaged, what can be read is salvaged
 * into a new file that takes its place, the old one is set aside, and `use` gets the new one. Throws as `openSqlite`.
 */
export function openQueueFile<T>(
  options: FileOptions,
  use: (db: SqliteDatabase) => T,
): { db: SqliteDatabase; made: T } {
  finishReplacing(options.path);
  try {
    return open(options, use);
  } catch (error) {
    if (!isDamage(error)) throw error;
    replaceDamaged(options, messageOf(error));
    return open(options, use);
  }
}

/**
 * Salvages what can be read of the queue's file into a new one, sets the old one aside, and puts the new one in its
 * place. If it fails (a full disk), everything is as it was. Who has the file open closes it in `beforeReplacing`.
 */
export function replaceDamaged(
  options: FileOptions,
  reason: string,
  running: { known?: KnownEpochs; beforeReplacing?: () => void } = {},
): void {
  const { path, agent, log, nowMs } = options;
  log.error(`${reason}; salvaging what can be read`);
  removeNew(path);
  const aside = asideName(path, nowMs());
  const to = openSqlite({ path: newPath(path), migrations: queueMigrations });
  let salvage: Salvage;
  try {
    // One sync at the end is enough: until it is in its place nobody relies on it.
    to.pragma("synchronous = OFF");
    salvage = fill(to, path, agent, running.known);
    to.prepare("INSERT INTO damage (at, file, reason, saved, rebuilt, lost, parts) VALUES (?, ?, ?, ?, ?, ?, ?)").run(
      nowMs(),
      basename(aside),
      reason,
      salvage.saved,
      salvage.rebuilt,
      salvage.lost,
      salvage.parts.join(", "),
    );
    to.pragma("synchronous = FULL");
    to.pragma("wal_checkpoint(TRUNCATE)");
    to.close();
  } catch (error) {
    to.close();
    removeNew(path);
    throw error;
  }
  running.beforeReplacing?.();
  setAside(path, aside);
  finishReplacing(path);
  const { lost, saved } = salvage;
  log.error(`kept the damaged queue as ${aside}: ${saved} alarms saved, up to ${lost} lost; remove it when you like`);
}

function fill(to: SqliteDatabase, path: string, agent: string, known: KnownEpochs | undefined): Salvage {
  const from = tryRead(() => openDamaged(path));
  try {
    return to.transaction(() => salvageQueue(from, to, agent, known)).immediate();
  } finally {
    from?.close();
  }
}

/** Puts the new file in its place if the old one is set aside, else forgets it: a copy of what is still there. */
function finishReplacing(path: string): void {
  if (!existsSync(newPath(path))) return;
  if (existsSync(path)) {
    removeNew(path);
    return;
  }
  // What belonged to the old file must not be taken for a part of the new one.
  if (existsSync(`${path}-wal`) || existsSync(`${path}-shm`)) setAside(path);
  renameSync(newPath(path), path);
  syncFolder(path);
}

function removeNew(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(newPath(path) + suffix, { force: true });
}

function open<T>(options: FileOptions, use: (db: SqliteDatabase) => T): { db: SqliteDatabase; made: T } {
  const db = openSqlite({ path: options.path, migrations: queueMigrations, verifies: true });
  try {
    return { db, made: use(db) };
  } catch (error) {
    db.close();
    throw cannotUse(options.path, error);
  }
}
