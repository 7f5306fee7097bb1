/** How long things took, in milliseconds. */
export interface WaitSummary {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** Counts waits by whole milliseconds: the times that alarms bear are no finer. */
export class Waits {
  readonly #counts: number[] = [];
  #count = 0;

  add(ms: number): void {
    // Two clocks that are read one after the other may differ by less than nothing.
    const whole = Math.max(0, Math.round(ms));
    this.#counts[whole] = (this.#counts[whole] ?? 0) + 1;
    this.#count += 1;
  }

  summary(): WaitSummary {
    return { count: this.#count, p50: this.#below(0.5), p99: this.#below(0.99), max: this.#counts.length - 1 };
  }

  #below(share: number): number {
    let left = Math.floor(this.#count * share);
    return this.#counts.findIndex((count) => {
      left -= count ?? 0;
      return left < 0;
    });
  }
}
