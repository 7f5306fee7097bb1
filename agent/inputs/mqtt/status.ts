import type { MqttClient } from "mqtt";
import type { StageEvent } from "../../queue/types.ts";

/** Stage messages that may wait for the broker at the same time. */
const WAITING_MAX = 1_000;

/**
 * Tells the broker's clients how we are: `online` (retained) at the status topic, and below it, at `alarms/<id>`, each
 * stage that an alarm reaches. Stages are hints: while the broker is away or slow they are left out, and counted.
 */
export class StatusPublisher {
  readonly #topic: string;
  #client: MqttClient | undefined;
  #waiting = 0;
  #leftOut = 0;

  constructor(topic: string) {
    this.#topic = topic;
  }

  /** Stages that were not published since the start. */
  get leftOut(): number {
    return this.#leftOut;
  }

  up(client: MqttClient): void {
    this.#client = client;
    this.#waiting = 0;
    client.publish(this.#topic, "online", { qos: 1, retain: true });
  }

  down(): void {
    this.#client = undefined;
  }

  stage(event: StageEvent): void {
    const client = this.#client;
    if (client === undefined || this.#waiting >= WAITING_MAX) {
      this.#leftOut++;
      return;
    }
    this.#waiting++;
    client.publish(`${this.#topic}/alarms/${event.id}`, JSON.stringify(event), { qos: 0 }, () => {
      if (this.#client === client) this.#waiting--;
    });
  }
}
