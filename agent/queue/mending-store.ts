import { messageOf } from "../../shared/runtime/errors.ts";
import { isDamage } from "../../shared/sqlite/damage.ts";
import { type FileOptions, replaceDamaged } from "./file.ts";
import type { Parts, PartsOptions } from "./parts.ts";
import { openStore, type Store } from "./store.ts";
import type { Writer } from "./writer.ts";

/** After a salvage that failed, as on a full disk, the next one waits so long. */
const MEND_AGAIN_MS = 30_000;

interface Options {
  file: FileOptions;
  parts: PartsOptions;
  afterCommit: () => void;
  /** A salvaged file has taken the place of a damaged one. */
  afterMend: () => void;
}

/**
 * The store of a queue over all damage: where a read or a write comes upon some, the file is set aside, and the same is
 * done once more with what could be salvaged. Whoever keeps anything of the parts has to ask for them anew after that.
 */
export class MendingStore {
  readonly #options: Options;
  #store: Store;
  #mendAtMs = Number.NEGATIVE_INFINITY;
  #isEnding = false;

  /** Opens the file as `openStore` does. */
  constructor(options: Options) {
    this.#options = options;
    this.#store = this.#open();
  }

  /** What the queue is made of now. */
  get parts(): Parts {
    return this.#store.parts;
  }

  /** Why the last write failed; undefined if it did not. */
  get fault(): string | undefined {
    return this.#store.writer.fault;
  }

  /** Reads, and once more from the salvaged file if that shows damage. */
  read<T>(read: () => T): T {
    const store = this.#store;
    try {
      return read();
    } catch (error) {
      if (!this.#mends(store, error)) throw error;
      return read();
    }
  }

  /** Writes, and once more into the salvaged file if that shows damage: nothing of the first attempt was stored. */
  write<T>(work: () => T): Promise<T> {
    return this.#attempt((writer) => writer.write(work));
  }

  /** The same for what the hub tells again, without waiting for the disk. */
  note<T>(work: () => T): Promise<T> {
    return this.#attempt((writer) => writer.note(work));
  }

  /** Mends nothing more: it is about to be closed, and the next start does it. */
  stopMending(): void {
    this.#isEnding = true;
  }

  /** Stores what is waiting and closes the file for good. */
  close(): void {
    this.stopMending();
    this.#store.close();
  }

  async #attempt<T>(write: (writer: Writer) => Promise<T>): Promise<T> {
    const store = this.#store;
    try {
      return await write(store.writer);
    } catch (error) {
      if (!this.#mends(store, error)) throw error;
      return await write(this.#store.writer);
    }
  }

  /** True if there is another store now than the one in which `error` came up. */
  #mends(failed: Store, error: unknown): boolean {
    if (this.#isEnding) return false;
    if (failed !== this.#store) return true;
    if ((failed.isOpen && !isDamage(error)) || performance.now() < this.#mendAtMs) return false;
    this.#mendAtMs = performance.now() + MEND_AGAIN_MS;
    if (failed.isOpen) {
      const known = { epochs: failed.parts.epochs.all() };
      replaceDamaged(this.#options.file, messageOf(error), { known, beforeReplacing: () => failed.abandon() });
    }
    this.#store = this.#open();
    this.#mendAtMs = Number.NEGATIVE_INFINITY;
    this.#options.afterMend();
    return true;
  }

  #open(): Store {
    return openStore(this.#options.file, this.#options.parts, this.#options.afterCommit);
  }
}
