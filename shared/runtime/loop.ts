import { messageOf } from "./errors.ts";
import type { Logger } from "./log.ts";
import { ChangeLog } from "./log.ts";

/** What one step of a loop found: more to do at once, or nothing until `poke()` or until `idleMs` have passed. */
export type StepResult = "more" | "idle";

/**
 * A loop that runs at its own pace. It steps until a step says `idle`, then sleeps; `poke()` wakes it, and a poke
 * during a step counts for the next one, so none is lost. An error in a step is logged when it changes and waited
 * out with growing delays, so that it never hot-loops. `stop()` waits for the step in progress.
 */
export class Loop {
  readonly #step: (signal: AbortSignal) => Promise<StepResult>;
  readonly #idleMs: number;
  readonly #errorMsMax: number;
  readonly #changes: ChangeLog;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #poked = false;

  constructor(
    step: (signal: AbortSignal) => Promise<StepResult>,
    options: { name: string; log: Logger; idleMs: number; errorMsMax?: number },
  ) {
    this.#step = step;
    this.#idleMs = options.idleMs;
    this.#errorMsMax = options.errorMsMax ?? 5_000;
    this.#changes = new ChangeLog((message) => options.log.warn(`${options.name}: ${message}`));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Runs a step soon, also if one is in progress now. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  /** Ends the loop after the step in progress, whose signal is aborted. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let errors = 0;
    while (!signal.aborted) {
      this.#poked = false;
      try {
        const result = await this.#step(signal);
        errors = 0;
        this.#changes.clear();
        if (result === "idle") await this.#sleep(this.#idleMs);
      } catch (error) {
        if (signal.aborted) return;
        this.#changes.say(messageOf(error));
        this.#poked = false;
        await this.#sleep(Math.min(this.#errorMsMax, 50 * 2 ** errors++) * (0.75 + Math.random() / 2));
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    if (this.#poked || this.#abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
