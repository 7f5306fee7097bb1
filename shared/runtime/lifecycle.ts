import { messageOf } from "./errors.ts";
import type { Logger } from "./log.ts";

/**
 * A named stack of clean-up steps. What was started last is stopped first; each step has a bound in time, and one
 * that fails or hangs is named and does not keep the others from running. `close()` is idempotent: concurrent
 * calls share one promise. A step that is added later runs at once, so that a start which was overtaken by its stop
 * leaves nothing behind.
 */
export class Cleanup {
  readonly #steps: {
    name: string;
    run: () => Promise<void> | void;
    timeoutMs: number;
  }[] = [];
  readonly #log: Logger;
  #closing: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Adds a step that runs before all that were added earlier. */
  add(name: string, run: () => Promise<void> | void, timeoutMs = 10_000): void {
    this.#steps.push({ name, run, timeoutMs });
    if (this.#closing !== undefined) this.#closing = this.#closing.then(() => this.#close());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      let timer: NodeJS.Timeout | undefined;
      const { name, run, timeoutMs } = step;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
      });
      try {
        await Promise.race([Promise.resolve().then(run), late]);
      } catch (error) {
        this.#log.error(`stopping ${name}: ${messageOf(error)}`);
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

/**
 * Turns SIGINT and SIGTERM into one abort signal. The first asks for a graceful stop, the second ends the process
 * at once with exit code 130.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
