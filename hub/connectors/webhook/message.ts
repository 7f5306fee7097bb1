import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { encodeBatch, encodeEvent, SOURCE_PREFIX, TYPE_PREFIX } from "../../../shared/wire/cloudevent.ts";
import { CONTENT_TYPES } from "../../../shared/wire/headers.ts";

/** An alarm on its way to a webhook. */
export interface Outgoing {
  alarm: Readonly<Alarm>;
  attempt: number;
  /** It comes again after a loss and may be out of order. */
  relayedAgain: boolean;
}

/** What is POSTed. */
export interface Message {
  /** Its `webhook-id`: one that comes again unchanged has the same. */
  id: string;
  headers: Record<string, string>;
  body: string;
}

/** One alarm, by the binary mode of the CloudEvents HTTP binding: the alarm is the body, its attributes are headers. */
export function singleMessage({ alarm, attempt, relayedAgain }: Outgoing): Message {
  return {
    id: alarm.id,
    headers: {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": alarm.id,
      "ce-source": `${SOURCE_PREFIX}${alarm.agent}`,
      "ce-type": `${TYPE_PREFIX}${alarm.event}`,
      "ce-subject": encodeHeader(alarm.point),
      "ce-time": alarm.acceptedAt,
      "ce-attempt": String(attempt),
      ...(relayedAgain ? { "ce-relayedagain": "true" } : {}),
    },
    body: JSON.stringify(alarm),
  };
}

/** Several alarms, as a CloudEvents batch. */
export function batchMessage(outgoing: readonly Outgoing[]): Message {
  const events = outgoing.map(({ alarm, attempt, relayedAgain }) =>
    encodeEvent({
      id: alarm.id,
      encodedAlarm: JSON.stringify(alarm),
      agent: alarm.agent,
      event: alarm.event,
      point: alarm.point,
      acceptedAt: alarm.acceptedAt,
      attempt,
      relayedAgain,
    }),
  );
  const [only, another] = outgoing;
  // A batch is not put together the same way twice; what comes again is recognized by the ids of its events.
  const id = only !== undefined && another === undefined ? only.alarm.id : `batch_${randomUUID()}`;
  return { id, headers: { "content-type": CONTENT_TYPES.cloudEventsBatch }, body: encodeBatch(events) };
}

/** The headers of Standard Webhooks. Each secret signs; the receiver is content with one signature that it knows. */
export function signatureHeaders(message: Message, secrets: readonly string[], now: Date): Record<string, string> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(message.id, now, message.body));
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
    "webhook-signature": signatures.join(" "),
  };
}

/**
 * Encodes the value of a `ce-` header (CloudEvents HTTP binding 1.0.2, section 3.1.3.2): space, quotation mark,
 * percent sign and whatever is not printable ASCII, as the bytes of its UTF-8.
 */
export function encodeHeader(text: string): string {
  return text.replaceAll(/[^\x21\x23\x24\x26-\x7e]+/gu, (run) =>
    Array.from(Buffer.from(run, "utf8"), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}
