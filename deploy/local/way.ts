import { setTimeout as sleep } from "node:timers/promises";
import type { AlarmWithStages, DeliveryStage } from "../../agent/queue/types.ts";

// Follows alarms the way their owner would: by asking the agent what became of them.

const ASK_EVERY_MS = 25;
const FOLLOW_MS_MAX = 10_000;
const FOLLOWED_MAX = 32;

export interface WayOptions {
  agentUrl: string;
  /** True for an alarm that somebody is going to acknowledge: its way ends there. */
  awaitsAcknowledgment: (alarm: AlarmWithStages) => boolean;
  /** `skipped` alarms before this one were too many at once to follow. */
  print: (alarm: AlarmWithStages, skipped: number) => void;
  signal: AbortSignal;
}

/** Follows each alarm that it is told of to the end of its way, or for 10 s, and prints it once. */
export class WayWatcher {
  readonly #options: WayOptions;
  readonly #followed = new Map<string, Promise<void>>();
  #skipped = 0;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  /** A center has this alarm: called once for each center. */
  seen(id: string): void {
    if (this.#followed.has(id)) return;
    if (this.#followed.size >= FOLLOWED_MAX) {
      this.#skipped++;
      return;
    }
    const following = this.#follow(id).finally(() => {
      // The other centers tell of it as well: forget it only after they had the time to.
      setTimeout(() => this.#followed.delete(id), FOLLOW_MS_MAX).unref();
    });
    this.#followed.set(id, following);
  }

  async #follow(id: string): Promise<void> {
    const { signal, print } = this.#options;
    const endMs = performance.now() + FOLLOW_MS_MAX;
    for (;;) {
      const alarm = await this.#ask(id);
      const isLast = performance.now() >= endMs;
      if (signal.aborted) return;
      if (alarm !== undefined && (isLast || this.#isThrough(alarm))) {
        print(alarm, this.#skipped);
        this.#skipped = 0;
        return;
      }
      if (isLast) return;
      await sleep(ASK_EVERY_MS);
    }
  }

  #isThrough(alarm: AlarmWithStages): boolean {
    const { deliveries, settledAt } = alarm.stages;
    if (settledAt === undefined || deliveries.length === 0 || !deliveries.every(hasEnded)) return false;
    const acknowledged = deliveries.some(({ state }) => state === "acknowledged");
    return acknowledged || !this.#options.awaitsAcknowledgment(alarm);
  }

  /** The agent's answer; undefined if it has none now. */
  async #ask(id: string): Promise<AlarmWithStages | undefined> {
    try {
      const response = await fetch(`${this.#options.agentUrl}/v1/alarms/${id}`, { signal: this.#options.signal });
      const body: unknown = await response.json();
      return response.ok ? (body as AlarmWithStages) : undefined;
    } catch {
      return undefined;
    }
  }
}

function hasEnded({ state }: DeliveryStage): boolean {
  return state !== "pending" && state !== "failed";
}
