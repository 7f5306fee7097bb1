/** What the two clocks may differ in without it being a jump. */
const JUMP_MS = 60_000;

/**
 * The wall clock for those who forget what is old enough. Clocks at the edge jump: a device that starts in 1970 and is
 * then set would take everything for decades old. A jump forward therefore does not count until as much time as
 * anything is kept has really passed; a jump back takes one forward back.
 */
export class AgeClock {
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  readonly #keepMs: number;
  #lastWallMs: number;
  #lastMonotonicMs: number;
  #jumps: { ms: number; atMs: number }[] = [];

  /** `keepMs` is the longest time that anything is kept by this clock. */
  constructor(wallMs: () => number, keepMs: number, monotonicMs: () => number = () => performance.now()) {
    this.#wallMs = wallMs;
    this.#keepMs = keepMs;
    this.#monotonicMs = monotonicMs;
    this.#lastWallMs = wallMs();
    this.#lastMonotonicMs = monotonicMs();
  }

  /** Milliseconds since 1970, never further than the wall clock. To be asked often: a jump is seen between two calls. */
  nowMs(): number {
    const wallMs = this.#wallMs();
    const atMs = this.#monotonicMs();
    const jumpMs = wallMs - this.#lastWallMs - (atMs - this.#lastMonotonicMs);
    this.#lastWallMs = wallMs;
    this.#lastMonotonicMs = atMs;
    if (Math.abs(jumpMs) >= JUMP_MS) this.#jumps.push({ ms: jumpMs, atMs });
    this.#jumps = this.#jumps.filter((jump) => atMs - jump.atMs < this.#keepMs);
    return (
      wallMs -
      Math.max(
        0,
        this.#jumps.reduce((sum, jump) => sum + jump.ms, 0),
      )
    );
  }
}
