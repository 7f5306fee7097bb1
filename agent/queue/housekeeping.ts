import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { AgeClock } from "./age-clock.ts";
import type { MendingStore } from "./mending-store.ts";
import { REPORT_ID_KEEP_MS } from "./repeats.ts";

const EVERY_MS = 5_000;
const PRUNE_EVERY_MS = 60_000;
const FORGOTTEN_PER_STEP = 500;
const RAISE_KEEP_MS = 365 * 86_400_000;

interface Options {
  log: Logger;
  store: MendingStore;
  keepConfirmedMs: number;
  nowMs: () => number;
  /** In a transaction; returns whether there was something to tell, and room for it. */
  storeNotices: () => boolean;
}

/** What the queue does by itself, in small steps: tells of losses, prunes what is confirmed, gives space back. */
export class Housekeeping {
  readonly #options: Options;
  readonly #loop: Loop;
  readonly #ages: AgeClock;
  #pruneAtMs = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#ages = new AgeClock(options.nowMs, Math.max(options.keepConfirmedMs, REPORT_ID_KEEP_MS));
    this.#loop = new Loop(() => this.#step(), { name: "queue", log: options.log, idleMs: EVERY_MS });
  }

  start(): void {
    this.#loop.start();
  }

  poke(): void {
    this.#loop.poke();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(): Promise<StepResult> {
    const { store, storeNotices } = this.#options;
    // Nobody may be reporting: whether there is space again is found out here.
    if (store.fault !== undefined) await store.write(() => store.parts.position.touch());
    const isDue = (): boolean => store.read(() => store.parts.notices.isDue);
    if (isDue() && (await store.write(storeNotices)) && isDue()) return "more";
    if (performance.now() < this.#pruneAtMs) return "idle";
    if (await store.write(() => this.#prune())) return "more";
    if (store.read(() => store.parts.pruner.vacuumStep())) return "more";
    this.#pruneAtMs = performance.now() + PRUNE_EVERY_MS;
    return "idle";
  }

  #prune(): boolean {
    const { keepConfirmedMs, store } = this.#options;
    const { parts } = store;
    const nowMs = this.#ages.nowMs();
    const hasMoreIds = parts.repeats.prune(nowMs, FORGOTTEN_PER_STEP) === FORGOTTEN_PER_STEP;
    const hasMoreRows = parts.pruner.step(nowMs - keepConfirmedMs);
    const hasMoreLosses = parts.losses.prune(FORGOTTEN_PER_STEP) === FORGOTTEN_PER_STEP;
    if (!hasMoreRows && !hasMoreIds) parts.raises.prune(nowMs - RAISE_KEEP_MS);
    return hasMoreRows || hasMoreIds || hasMoreLosses;
  }
}
