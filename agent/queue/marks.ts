import type { RelayedMark } from "./stages.ts";

/**
 * PubAcks that are still to be stored. The relay does not wait for them: what is lost of them with the process is
 * relayed once more after its start, and the hub knows it already.
 */
export class Marks {
  #waiting: RelayedMark[] = [];
  #stored = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(mark: RelayedMark): void {
    this.#waiting.push(mark);
  }

  /** Stores all that wait. To be called inside a transaction. */
  store(storeOne: (mark: RelayedMark) => void): void {
    for (const mark of this.#waiting.slice(this.#stored)) storeOne(mark);
    this.#stored = this.#waiting.length;
  }

  commit(): void {
    if (this.#stored === 0) return;
    this.#waiting = this.#waiting.slice(this.#stored);
    this.#stored = 0;
  }

  rollback(): void {
    this.#stored = 0;
  }
}
