/** Between two attempts of the client lie at most a wait of some 1.5 s and an attempt of 5 s. */
const STUCK_MS = 15_000;

/**
 * Notices that the client has ceased to dial. It counts the time until its next attempt by the wall clock: where that
 * was turned back by a day, it would wait for a day.
 */
export class DialWatch {
  readonly #onStuck: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** `onStuck` is called once, when nothing was heard of an attempt for too long. */
  constructor(onStuck: () => void) {
    this.#onStuck = onStuck;
  }

  /** The link went down, or the client dials. */
  expectDial(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStuck, STUCK_MS).unref();
  }

  /** The link is up again, or closed. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
