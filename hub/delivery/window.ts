import type { OpenFrame } from "../ledger/outbox.ts";
import { WINDOW_FRAMES_MAX } from "./frame.ts";

/**
 * The window of one outlet. DELIVERIES keeps a ring of the last 64 messages per subject, so the window spans from the
 * oldest frame that is still owed an answer to the newest: a frame must never be pushed out by the 64th after it.
 */
export class Window {
  #open: OpenFrame[];
  #ordinal: number;

  constructor(open: readonly OpenFrame[], ordinal: number) {
    this.#open = [...open];
    this.#ordinal = ordinal;
  }

  get full(): boolean {
    const oldest = this.#open[0];
    return oldest !== undefined && this.#ordinal + 1 - oldest.ordinal >= WINDOW_FRAMES_MAX;
  }

  /** The frames that are still owed an answer, oldest first. */
  get open(): readonly OpenFrame[] {
    return this.#open;
  }

  has(frameSeq: number): boolean {
    return this.#open.some((frame) => frame.frameSeq === frameSeq);
  }

  /** A frame has been stored in DELIVERIES. Returns its ordinal. */
  add(frameSeq: number, dispatchedAtMs: number): number {
    this.#ordinal += 1;
    this.#open.push({ frameSeq, ordinal: this.#ordinal, dispatchedAtMs });
    return this.#ordinal;
  }

  /** Every delivery of the frame has been answered. */
  remove(frameSeq: number): void {
    this.#open = this.#open.filter((frame) => frame.frameSeq !== frameSeq);
  }
}
