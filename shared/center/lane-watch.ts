import { LANES, type Lane, priorityOf } from "../alarm/priority.ts";
import type { Logger } from "../runtime/log.ts";

/** A hub that starts makes the lanes of its centers within this. */
const PATIENCE_MS = 5_000;

/**
 * Says once, in words, that the hub has not made a center's lanes: most likely its configuration does not name the
 * center. It says so again only after all of them have been there.
 */
export class LaneWatch {
  readonly #center: string;
  readonly #log: Logger;
  readonly #missing = new Set<Lane>();
  #timer: NodeJS.Timeout | undefined;

  constructor(center: string, log: Logger) {
    this.#center = center;
    this.#log = log;
  }

  saw(lane: Lane, isMissing: boolean): void {
    if (isMissing) {
      this.#missing.add(lane);
      this.#timer ??= setTimeout(() => this.#say(), PATIENCE_MS);
    } else if (this.#missing.delete(lane) && this.#missing.size === 0) this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #say(): void {
    const center = this.#center;
    const isAll = this.#missing.size === LANES.length;
    const which = isAll
      ? `no lane of ${center} exists`
      : `of the lanes of ${center} these do not exist: ${[...this.#missing].map(priorityOf).join(", ")}`;
    this.#log.warn(`${which}; the hub's configuration may not name this center`);
  }
}
