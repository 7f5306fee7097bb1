import type { Lane } from "../../shared/alarm/priority.ts";

/** How long the hub must have waited at one place before the messages behind it count as gone. */
const STALL_MS = 60_000;
const STALL_MS_MAX = 3_600_000;

interface Look {
  streamId: number;
  /** How far the hub has followed the lane. */
  followedSeq: number;
  /** The highest sequence among PubAcks of alarms that are not held. */
  relayedSeq: number;
}

interface Watch extends Look {
  sinceMs: number;
  waitMs: number;
}

/**
 * Notices a stream that was restored to an older state: it keeps its creation time, and our PubAcks name sequences
 * that it does not have any more. The hub then waits for messages that never come. If it stands at the same place for
 * a minute although we have PubAcks beyond, those are lost. Each time that this did not help, the wait doubles, so that
 * a hub which hangs for another reason is not flooded.
 */
export class Stalls {
  readonly #watches = new Map<Lane, Watch>();
  readonly #waitMs: number;

  constructor(waitMs = STALL_MS) {
    this.#waitMs = waitMs;
  }

  /** Up to which sequence the PubAcks of a lane are lost, unless their alarms are held. `nowMs` is monotonic. */
  lostUpTo(lane: Lane, look: Look, nowMs: number): number {
    const watch = this.#watches.get(lane);
    const hasMoved = watch?.streamId !== look.streamId || watch.followedSeq !== look.followedSeq;
    if (watch === undefined || hasMoved || look.relayedSeq <= look.followedSeq) {
      this.#watches.set(lane, { ...look, sinceMs: nowMs, waitMs: this.#waitMs });
      return look.followedSeq;
    }
    if (nowMs - watch.sinceMs < watch.waitMs) return look.followedSeq;
    this.#watches.set(lane, { ...look, sinceMs: nowMs, waitMs: Math.min(STALL_MS_MAX, watch.waitMs * 2) });
    return Math.max(look.followedSeq, watch.relayedSeq);
  }
}
