import type { StageEvent } from "./types.ts";

/** Tells listeners what happened to alarms, once it is committed. Without listeners nothing is collected. */
export class Events {
  readonly #listeners = new Set<(event: StageEvent) => void>();
  #pending: StageEvent[] = [];

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** To be called inside the transaction. */
  add(event: StageEvent): void {
    this.#pending.push(event);
  }

  listen(listener: (event: StageEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  commit(): void {
    if (this.#pending.length === 0) return;
    const events = this.#pending;
    this.#pending = [];
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }

  rollback(): void {
    this.#pending = [];
  }
}
