import type { SqliteDatabase } from "../../shared/sqlite/open.ts";
import { type FileOptions, openQueueFile } from "./file.ts";
import { makeParts, type Parts, type PartsOptions } from "./parts.ts";
import { Writer } from "./writer.ts";

/** The queue's file while it is open, with all that was made for it: another file needs all of it anew. */
export class Store {
  readonly parts: Parts;
  readonly writer: Writer;
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase, parts: Parts, afterCommit: () => void) {
    this.#db = db;
    this.parts = parts;
    this.writer = new Writer(db, {
      afterCommit: () => {
        parts.commit();
        afterCommit();
      },
      afterRollback: () => parts.rollback(),
    });
  }

  get isOpen(): boolean {
    return this.#db.open;
  }

  /** Stores what is waiting and closes the file. */
  close(): void {
    this.writer.close();
    this.#db.close();
  }

  /** Closes the file as it is; what was to be written is refused. */
  abandon(): void {
    this.#db.close();
  }
}

/** Opens the file, salvaged if it is damaged, and begins a new epoch. Throws as `openSqlite`. */
export function openStore(file: FileOptions, options: PartsOptions, afterCommit: () => void): Store {
  const { db, made } = openQueueFile(file, (opened) => makeParts(opened, options));
  return new Store(db, made, afterCommit);
}
