import { setTimeout as sleep } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { ChangeLog, type Logger } from "../../../shared/runtime/log.ts";
import type { MqttConfig } from "../../config.ts";
import type { Acceptance, Acceptor, QueueReader } from "../../queue/types.ts";
import type { ReportDefaults } from "../intake.ts";
import type { Input, IntakeCounter } from "../types.ts";
import { type MqttMessage, Receiver, type Taken } from "./receiver.ts";
import { runSession } from "./session.ts";
import { StatusPublisher } from "./status.ts";

const DELAY_MS_MIN = 500;
/** A broker without persistence forgets us while it is down, and what is published then: find it again soon. */
const DELAY_MS_MAX = 5_000;
/** A connection that lasted this long was a good one: the next delay is short again. */
const LASTED_MS = 60_000;

/**
 * The MQTT input: connects to the broker again and again, for ever, with delays that grow until a message has been
 * stored or a connection has lasted.
 */
export class MqttInput implements Input {
  readonly name = "mqtt";
  readonly #config: MqttConfig;
  readonly #receiver: Receiver;
  readonly #status: StatusPublisher | undefined;
  readonly #stages: Pick<QueueReader, "onStage">;
  readonly #log: Logger;
  readonly #trouble: ChangeLog;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #unlisten: (() => void) | undefined;
  #downReason: string | undefined = "not connected yet";
  #delayMs = DELAY_MS_MIN;

  constructor(options: {
    config: MqttConfig;
    defaults: ReportDefaults;
    acceptor: Acceptor;
    stages: Pick<QueueReader, "onStage">;
    counter: IntakeCounter;
    log: Logger;
  }) {
    this.#config = options.config;
    this.#receiver = new Receiver(options);
    this.#status = options.config.status === undefined ? undefined : new StatusPublisher(options.config.status);
    this.#stages = options.stages;
    this.#log = options.log;
    this.#trouble = new ChangeLog((message) => options.log.warn(`MQTT: ${message}`));
  }

  get downReason(): string | undefined {
    return this.#downReason;
  }

  /** Returns at once: the broker may come later. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const status = this.#status;
    if (status !== undefined) this.#unlisten = this.#stages.onStage((event) => status.stage(event));
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unlisten?.();
    await this.#running;
  }

  retry(source: string, payload: Uint8Array): Promise<Acceptance[]> {
    return this.#receiver.retry(source, payload);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedAtMs = performance.now();
      const reason = await this.#session();
      this.#status?.down();
      if (signal.aborted) break;
      this.#downReason = reason;
      this.#trouble.say(reason);
      if (performance.now() - startedAtMs > LASTED_MS) this.#delayMs = DELAY_MS_MIN;
      const delayMs = this.#delayMs * (0.75 + Math.random() / 2);
      this.#delayMs = Math.min(DELAY_MS_MAX, this.#delayMs * 2);
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
    this.#downReason = "stopped";
  }

  async #session(): Promise<string> {
    const events = {
      up: (client: MqttClient): void => {
        this.#downReason = undefined;
        this.#trouble.clear();
        this.#log.info(`connected to the MQTT broker at ${this.#config.url}`);
        this.#status?.up(client);
      },
      message: async (message: MqttMessage): Promise<Taken> => {
        const { stored } = await this.#receiver.receive(message);
        const done = stored.then(() => {
          this.#delayMs = DELAY_MS_MIN;
        });
        return { stored: done };
      },
    };
    try {
      return await runSession(this.#config, events, this.#stopping.signal);
    } catch (error) {
      return `cannot connect to ${this.#config.url}: ${messageOf(error)}`;
    }
  }
}
