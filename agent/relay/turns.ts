import { LANES, type Lane } from "../../shared/alarm/priority.ts";

/** While a higher lane has a backlog, a lower one sends one frame for every this many of its. */
const SHARE_FRAMES = 8;

/**
 * Which lane may send. Strict priority: a lane waits while a higher one has alarms that wait to be sent (one that is
 * only under way holds nobody back). So that lower lanes never starve, each earns a turn with every SHARE_FRAMES
 * frames that higher lanes send: even behind an endless backlog a lane gets at least a ninth of the frames.
 *
 * A lane whose last attempt failed has no precedence until it succeeds: what blocks one subject must not block all.
 */
export class Turns {
  readonly #isWaiting: (lane: Lane) => boolean;
  readonly #earned = [0, 0, 0, 0];
  readonly #hasFailed = [false, false, false, false];

  constructor(isWaiting: (lane: Lane) => boolean) {
    this.#isWaiting = isWaiting;
  }

  mayGo(lane: Lane): boolean {
    return (this.#earned[lane] as number) >= SHARE_FRAMES || !this.#isHeldBack(lane);
  }

  /** A frame of this lane was sent: lower lanes that wait have earned a part of a turn. */
  sent(lane: Lane): void {
    this.#hasFailed[lane] = false;
    if (this.#isHeldBack(lane)) this.#earned[lane] = 0;
    for (const lower of LANES) {
      if (lower > lane) this.#earned[lower] = this.#isWaiting(lower) ? (this.#earned[lower] as number) + 1 : 0;
    }
  }

  failed(lane: Lane): void {
    this.#hasFailed[lane] = true;
  }

  #isHeldBack(lane: Lane): boolean {
    return LANES.some((higher) => higher < lane && !this.#hasFailed[higher] && this.#isWaiting(higher));
  }
}
