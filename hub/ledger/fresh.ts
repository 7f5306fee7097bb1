import type { Lane } from "../../shared/alarm/priority.ts";
import { type FrameBounds, fitting, type OutboxItem } from "./outbox-item.ts";

/** What is kept for all outlets together, in characters of alarms; an outlet that would exceed it reads the ledger. */
const CHARS_MAX = 16 * 1024 * 1024;

interface Waiting {
  items: OutboxItem[];
  chars: number;
}

/**
 * What was held a moment ago and waits to be dispatched, so that it need not be read back from the file: that took 5 of
 * the hub's 28 µs of CPU per alarm.
 *
 * The ledger stays the truth. An outlet is followed from a moment when its dispatcher had read everything that the
 * ledger holds for it, and only while it keeps up; then whatever is held for it is here as well. Where that might not
 * be so any more, it is dropped, and the dispatcher reads the ledger.
 */
export class Fresh {
  readonly #followed = new Map<number, Waiting>();
  #chars = 0;

  /** The dispatcher of the outlet has read all that the ledger holds for it. */
  follow(centerId: number, lane: Lane): void {
    this.#followed.set(keyOf(centerId, lane), { items: [], chars: 0 });
  }

  /** These have been held for an outlet that is followed. Inside the transaction: `forget` follows if it fails. */
  add(centerId: number, lane: Lane, items: readonly OutboxItem[]): void {
    const waiting = this.#followed.get(keyOf(centerId, lane));
    if (waiting === undefined) return;
    const chars = charsOf(items);
    if (this.#chars + chars > CHARS_MAX) {
      this.drop(centerId, lane);
      return;
    }
    waiting.items.push(...items);
    waiting.chars += chars;
    this.#chars += chars;
  }

  /** Takes out the next ones of the outlet, up to both bounds; undefined if it is not followed. */
  take(centerId: number, lane: Lane, bounds: FrameBounds): OutboxItem[] | undefined {
    const waiting = this.#followed.get(keyOf(centerId, lane));
    if (waiting === undefined) return undefined;
    const taken = waiting.items.splice(0, fitting(waiting.items, bounds));
    const chars = charsOf(taken);
    waiting.chars -= chars;
    this.#chars -= chars;
    return taken;
  }

  /** What is known of the outlet may not be all, or not be so any more. */
  drop(centerId: number, lane: Lane): void {
    const key = keyOf(centerId, lane);
    this.#chars -= this.#followed.get(key)?.chars ?? 0;
    this.#followed.delete(key);
  }

  /** Drops everything, after a transaction that failed. */
  forget(): void {
    this.#followed.clear();
    this.#chars = 0;
  }
}

function keyOf(centerId: number, lane: Lane): number {
  return centerId * 4 + lane;
}

function charsOf(items: readonly OutboxItem[]): number {
  return items.reduce((sum, { encoded }) => sum + encoded.length, 0);
}
