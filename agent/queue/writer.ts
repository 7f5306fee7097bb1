import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { GroupCommit } from "../../shared/sqlite/group-commit.ts";
import type { SqliteDatabase } from "../../shared/sqlite/open.ts";

/** The one writer of the queue: shares commits, and says in words why the last write failed. */
export class Writer {
  readonly #commit: GroupCommit;
  #fault: string | undefined;
  #isClosed = false;

  constructor(db: SqliteDatabase, hooks: { afterCommit: () => void; afterRollback: () => void }) {
    this.#commit = new GroupCommit(db, hooks);
  }

  /** Why the last write failed, for people; undefined if it did not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Runs SQL-only `work` in the next transaction; resolves once it is synced. Throws `store_failed` or `stopping`. */
  write<T>(work: () => T): Promise<T> {
    return this.#attempt(() => this.#commit.write(work));
  }

  /** The same for what the hub tells again: committed, and synced with the next `write`. */
  note<T>(work: () => T): Promise<T> {
    return this.#attempt(() => this.#commit.note(work));
  }

  /** Commits what is waiting and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.#commit.flush();
  }

  async #attempt<T>(commit: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new RelayError("stopping", "the queue is closed");
    try {
      const value = await commit();
      this.#fault = undefined;
      return value;
    } catch (error) {
      this.#fault = `the queue could not be written: ${messageOf(error)}`;
      throw new RelayError("store_failed", this.#fault, {
        hint: "look at the disk of dataDir",
        cause: error,
      });
    }
  }
}
