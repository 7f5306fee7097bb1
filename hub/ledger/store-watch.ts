import { messageOf } from "../../shared/runtime/errors.ts";
import { isDamage } from "../../shared/sqlite/damage.ts";
import { isStoreTrouble } from "../../shared/sqlite/trouble.ts";

const PROBE_MS = 1_000;

/**
 * Knows how the ledger's file is. While its disk is full or fails, that is said in words, work that needs the ledger
 * waits, and a small write every second finds out when it is over. A damaged file is told to who can replace it.
 */
export class StoreWatch {
  readonly #probe: () => Promise<unknown>;
  #trouble: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDamaged = false;
  #onDamaged: (reason: string) => void = () => undefined;

  /** `probe` writes something small; whether that worked comes back through `failed` or `works`. */
  constructor(probe: () => Promise<unknown>) {
    this.#probe = probe;
  }

  /** Why nothing can be stored, in words; undefined while it can. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Calls `listener` once, when SQLite finds the file damaged. */
  onDamaged(listener: (reason: string) => void): void {
    this.#onDamaged = listener;
  }

  /** Something that was to be read or written failed. */
  failed(error: unknown): void {
    if (isDamage(error) && !this.#isDamaged) {
      this.#isDamaged = true;
      this.#trouble = `the ledger is damaged: ${messageOf(error)}`;
      this.#onDamaged(messageOf(error));
    }
    if (this.#isDamaged || !isStoreTrouble(error)) return;
    this.#trouble = `the ledger cannot be written: ${messageOf(error)}`;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#probe().catch(() => undefined);
    }, PROBE_MS);
  }

  /** A transaction was committed. */
  works(): void {
    if (!this.#isDamaged) this.#trouble = undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
