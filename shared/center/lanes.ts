import type { Alarm } from "../alarm/alarm.ts";
import { LANES, type Lane } from "../alarm/priority.ts";

/** What the order of handler calls depends on. */
export interface Job {
  alarm: Alarm;
  lane: Lane;
}

/** Every so many starts one goes to the lowest lane that has something, so that none waits for ever. */
const LOWEST_LANE_EVERY = 16;

/**
 * Which alarm is handled next. Critical first, in each lane in the order of arrival; the alarms of one alarm point
 * one after another, whatever their lanes. Pure bookkeeping: no clock, no promises.
 */
export class Lanes<J extends Job> {
  readonly #ready: Fifo<J>[] = LANES.map(() => new Fifo<J>());
  /** A point is here from its first alarm until its last one is done; the list are those behind the first. */
  readonly #points = new Map<string, J[]>();
  #picks = 0;

  add(job: J): void {
    const key = pointKey(job.alarm);
    const behind = this.#points.get(key);
    if (behind !== undefined) {
      behind.push(job);
      return;
    }
    this.#points.set(key, []);
    this.#ready[job.lane]?.push(job);
  }

  /** Takes the next alarm, or undefined if none may start now; `criticalOnly` leaves the lower lanes alone. */
  take(criticalOnly: boolean): J | undefined {
    if (criticalOnly) return this.#ready[0]?.shift();
    const fromBelow = ++this.#picks % LOWEST_LANE_EVERY === 0;
    const order = fromBelow ? this.#ready.toReversed() : this.#ready;
    for (const lane of order) {
      const job = lane.shift();
      if (job !== undefined) return job;
    }
    return undefined;
  }

  /** The call for this alarm has ended: the next one of its point may start. */
  done(job: J): void {
    const key = pointKey(job.alarm);
    const next = this.#points.get(key)?.shift();
    if (next === undefined) this.#points.delete(key);
    else this.#ready[next.lane]?.push(next);
  }

  /** Forgets all that has not been taken. */
  clear(): void {
    for (const lane of this.#ready) lane.clear();
    for (const behind of this.#points.values()) behind.length = 0;
  }
}

function pointKey({ agent, account, area, point, condition }: Alarm): string {
  // NUL cannot occur in any of them.
  return `${agent}\0${account ?? ""}\0${area ?? ""}\0${point}\0${condition}`;
}

/** Places taken out before what remains is moved to the front, so that a queue that never empties does not grow. */
const COMPACT_AT = 1_024;

/** A queue whose `shift` does not move what remains. */
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
