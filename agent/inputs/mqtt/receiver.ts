import type { Report } from "../../../shared/alarm/report.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import type { Logger } from "../../../shared/runtime/log.ts";
import type { MqttConfig } from "../../config.ts";
import type { Acceptance, Acceptor } from "../../queue/types.ts";
import type { ReportDefaults } from "../intake.ts";
import type { IntakeCounter } from "../types.ts";
import { Mapping } from "./mapping.ts";
import { topicMatches } from "./topic.ts";

const INPUT = "mqtt";

/** One message from the broker. */
export interface MqttMessage {
  topic: string;
  payload: Uint8Array;
  retained: boolean;
}

/** A message that has been handed to the queue. */
export interface Taken {
  /**
   * Resolves once everything that the message holds is synced (as alarms, or in the quarantine), so that the broker may
   * forget it. Rejects with `queue_full` or `store_failed`, in which case the broker has to keep it.
   */
  stored: Promise<void>;
}

const NOTHING: Taken = { stored: Promise.resolve() };

/** Decides what a message is and brings it to the queue, in the order of the calls if each waits for the one before. */
export class Receiver {
  readonly #mappings: readonly Mapping[];
  readonly #statusTopic: string | undefined;
  readonly #acceptor: Acceptor;
  readonly #counter: IntakeCounter;
  readonly #log: Logger;

  constructor(options: {
    config: MqttConfig;
    defaults: ReportDefaults;
    acceptor: Acceptor;
    counter: IntakeCounter;
    log: Logger;
  }) {
    this.#mappings = options.config.subscriptions.map((subscription) => new Mapping(subscription, options.defaults));
    this.#statusTopic = options.config.status;
    this.#acceptor = options.acceptor;
    this.#counter = options.counter;
    this.#log = options.log;
  }

  async receive({ topic, payload, retained }: MqttMessage): Promise<Taken> {
    // A subscription as wide as # would hear our own words.
    const own = this.#statusTopic;
    if (own !== undefined && (topic === own || topic.startsWith(`${own}/`))) return NOTHING;
    const mapping = this.#mappingOf(topic);
    if (mapping === undefined) {
      // The broker's session may still hold a subscription that the configuration has lost.
      this.#log.debug(`a message at ${topic} belongs to no subscription`);
      this.#counter.refused(INPUT, "not_subscribed");
      return NOTHING;
    }
    if (retained && mapping.subscription.retained === "ignore") return NOTHING;
    if (payload.length === 0) {
      // An empty message is how MQTT clears a retained one.
      this.#counter.refused(INPUT, "empty");
      return NOTHING;
    }
    const { reports, unreadable } = await mapping.read(topic, payload);
    const stored = this.#store(mapping, topic, reports, payload);
    if (unreadable === undefined) return { stored };
    const kept = this.#quarantine(sourceOf(topic, unreadable.places), unreadable.payload, unreadable.reason);
    return { stored: Promise.all([stored, kept]).then(() => undefined) };
  }

  /** Reads a quarantined payload again. Throws `invalid_report` if there is something in it that still is no report. */
  async retry(source: string, payload: Uint8Array): Promise<Acceptance[]> {
    const { topic, places } = partsOf(source);
    const mapping = this.#mappingOf(topic);
    if (mapping === undefined) throw new RelayError("invalid_report", `no subscription matches the topic ${topic}`);
    const { reports, unreadable } = await mapping.read(topic, payload, places);
    if (unreadable !== undefined) throw new RelayError("invalid_report", unreadable.reason);
    // Without a change key: what is old says nothing about what the topic said last.
    return this.#accept(reports);
  }

  async #store(mapping: Mapping, topic: string, reports: readonly Report[], payload: Uint8Array): Promise<void> {
    try {
      // A reading that is no news is no alarm.
      await this.#accept(reports, mapping.subscription.onChange ? `${INPUT} ${topic}` : undefined);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      this.#counter.refused(INPUT, error.code);
      // Sent again it would be refused again, and the messages behind it would wait for ever.
      if (!error.retry) return this.#quarantine(topic, payload, error.message);
      throw error;
    }
  }

  async #accept(reports: readonly Report[], changeKey?: string): Promise<Acceptance[]> {
    if (reports.length === 0) return [];
    const acceptances = await this.#acceptor.accept(reports, {
      input: INPUT,
      ...(changeKey === undefined ? {} : { changeKey }),
    });
    const accepted = acceptances.filter(({ kind }) => kind === "accepted").length;
    if (accepted > 0) this.#counter.accepted(INPUT, accepted);
    return acceptances;
  }

  async #quarantine(source: string, payload: Uint8Array, reason: string): Promise<void> {
    this.#counter.refused(INPUT, "quarantined");
    await this.#acceptor.quarantine({ input: INPUT, source, reason, payload });
  }

  #mappingOf(topic: string): Mapping | undefined {
    return this.#mappings.find(({ subscription }) => topicMatches(subscription.topic, topic));
  }
}

/** Where a quarantined payload came from: its topic, and behind a #, which no topic holds, the places that are meant. */
function sourceOf(topic: string, places: readonly number[] | undefined): string {
  return places === undefined ? topic : `${topic}#${places.join(",")}`;
}

function partsOf(source: string): { topic: string; places?: readonly number[] } {
  const [topic = "", places] = source.split("#");
  return places === undefined ? { topic } : { topic, places: places.split(",").map(Number) };
}
