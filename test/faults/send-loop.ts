import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";

interface Options {
  random: Random;
  /** How many reports are sent at once, each as likely. */
  sizes: readonly number[];
  /** The least and the longest time between two. */
  everyMs: readonly [min: number, max: number];
  send: (count: number) => Promise<unknown>;
}

/** What a device sends by itself: some reports now and then, each time once the last ones are answered. */
export class SendLoop {
  readonly #options: Options;
  readonly #stopping = new AbortController();
  #isPaused = false;
  #running: Promise<void> | undefined;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends nothing more until `resume`; resolves when what is under way is answered. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#busy;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Sends nothing more for good; resolves when what is under way is answered. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#busy;
  }

  /** What is sent beside the loop is under way too. */
  async beside(sending: Promise<unknown>): Promise<void> {
    this.#busy = sending;
    await sending;
  }

  async #run(): Promise<void> {
    const { everyMs, random, send, sizes } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (!this.#isPaused) {
        this.#busy = send(random.pick(sizes));
        await this.#busy;
      }
      await sleep(random.between(...everyMs), undefined, { signal }).catch(() => undefined);
    }
  }
}
