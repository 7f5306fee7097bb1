import type { IPublishPacket, MqttClient } from "mqtt";
import { messageOf } from "../../../shared/runtime/errors.ts";
import type { MqttConfig } from "../../config.ts";
import { AckWindow } from "./ack-window.ts";
import { endedByBroker, leave, openClient, subscribe, wordsFor } from "./connection.ts";
import type { MqttMessage } from "./receiver.ts";

export interface SessionEvents {
  /** The broker has taken the connection and every subscription. */
  up: (client: MqttClient) => void;
  /** Resolves once the message has been read; `stored` rejects if the broker has to keep it. */
  message: (message: MqttMessage) => Promise<{ stored: Promise<void> }>;
}

/** One connection to the broker, until it ends or `signal` ends it. Resolves with why it ended, in words. */
export async function runSession(config: MqttConfig, events: SessionEvents, signal: AbortSignal): Promise<string> {
  const client = await openClient(config);
  return new Session(client, config, events).run(signal);
}

/**
 * From CONNECT to the end of a connection. The session behind it at the broker (`clean: false`, a fixed client id)
 * outlives it: what got no PUBACK comes again at the next connection.
 *
 * Messages are read one after the other and stored together. One that cannot be stored gets no PUBACK, nor does any
 * behind it, and the connection ends: a broker sends again only at a reconnect.
 */
class Session {
  readonly #client: MqttClient;
  readonly #config: MqttConfig;
  readonly #events: SessionEvents;
  readonly #acks: AckWindow;
  #connectedAtMs: number | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** Nothing more is begun: without its PUBACK it comes again. */
  #isEnding = false;
  #reason: string | undefined;

  constructor(client: MqttClient, config: MqttConfig, events: SessionEvents) {
    this.#client = client;
    this.#config = config;
    this.#events = events;
    this.#acks = new AckWindow(client, (error) => this.#giveBack(error));
    client.handleMessage = (packet, done) => {
      if (!this.#isEnding) this.#reading = this.#read(packet, done);
    };
    client.on("connect", () => void this.#subscribe());
    client.on("error", (error) => {
      this.#reason ??= wordsFor(error, config.url);
    });
  }

  run(signal: AbortSignal): Promise<string> {
    const stop = (): void => void this.#stop();
    return new Promise((resolve) => {
      this.#client.once("close", () => {
        signal.removeEventListener("abort", stop);
        // Without a timer of its own left behind, also where the connection broke.
        this.#client.end(true);
        resolve(this.#reason ?? endedByBroker(this.#config, this.#connectedAtMs));
      });
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
    });
  }

  async #subscribe(): Promise<void> {
    this.#connectedAtMs = performance.now();
    try {
      await subscribe(this.#client, this.#config);
      this.#events.up(this.#client);
    } catch (error) {
      this.#reason ??= messageOf(error);
      this.#client.end(true);
    }
  }

  async #read({ topic, payload, retain, qos, messageId }: IPublishPacket, done: () => void): Promise<void> {
    try {
      const message = { topic, payload: Buffer.from(payload), retained: retain };
      const { stored } = await this.#events.message(message);
      await this.#acks.add({ qos, messageId }, stored);
      done();
    } catch (error) {
      this.#giveBack(error);
    }
  }

  /** Ends the connection, so that the broker sends again what could not be stored. */
  #giveBack(error: unknown): void {
    this.#reason ??= `a message could not be stored: ${messageOf(error)}`;
    void this.#leave();
  }

  /** Ends the connection after the messages in progress have been answered. */
  async #stop(): Promise<void> {
    this.#isEnding = true;
    this.#reason ??= "stopped";
    await this.#reading;
    await this.#acks.idle().catch(() => undefined);
    await this.#leave();
  }

  async #leave(): Promise<void> {
    this.#isEnding = true;
    await leave(this.#client, this.#config);
    this.#client.end(true);
  }
}
