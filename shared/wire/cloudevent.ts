import type { Alarm, AlarmEvent } from "../alarm/alarm.ts";
import { parseAlarmId } from "../alarm/identity.ts";
import type { EncodedAlarm } from "./frame.ts";
import { CONTENT_TYPES } from "./headers.ts";

/**
 * The JSON format of CloudEvents 1.0, in which DELIVERIES speaks to centers. An event carries one alarm as its data;
 * a frame is either a batch (a JSON array of events) or, with `framing: single`, one event in structured mode.
 *
 * The encoder splices: the alarm is the JSON text that the ledger keeps, and is neither parsed nor written again.
 */

/** One delivery, as the hub hands it to the encoder. */
export interface EventParts {
  /** The alarm's id, which is the event's id: a consumer that knows CloudEvents removes duplicates by (source, id). */
  id: string;
  /** The alarm's JSON. */
  encodedAlarm: EncodedAlarm;
  agent: string;
  event: AlarmEvent;
  point: string;
  /** RFC 3339; becomes the event's `time`. */
  acceptedAt: string;
  /** How often the hub has dispatched it because its handler failed or an outcome was missing, from 1. */
  attempt: number;
  /** It comes again after a loss and may be out of order. */
  relayedAgain: boolean;
}

/** Encodes one event. Text that needs no escapes (ids, tokens, times) is written as it is. */
export function encodeEvent(parts: EventParts): string {
  return (
    `{"specversion":"1.0","id":"${parts.id}","source":"${SOURCE_PREFIX}${parts.agent}",` +
    `"type":"${TYPE_PREFIX}${parts.event}","subject":${JSON.stringify(parts.point)},"time":"${parts.acceptedAt}",` +
    `"datacontenttype":"application/json","attempt":${parts.attempt},` +
    `${parts.relayedAgain ? '"relayedagain":true,' : ""}"data":${parts.encodedAlarm}}`
  );
}

/** Joins encoded events into the payload of a batch (`application/cloudevents-batch+json`). */
export function encodeBatch(events: readonly string[]): string {
  return `[${events.join(",")}]`;
}

/** One alarm out of a delivered frame. */
export interface DeliveredAlarm {
  alarm: Alarm;
  attempt: number;
  relayedAgain: boolean;
}

/** An item of a frame that could not be read. */
export interface DeliveryFault {
  /** Its place in the batch; -1 if the frame as a whole could not be read. */
  index: number;
  /** Its alarm id, where that at least could be read. */
  id: string | undefined;
  reason: string;
}

export interface DecodedDelivery {
  alarms: DeliveredAlarm[];
  faults: DeliveryFault[];
}

/**
 * Reads a delivered frame, batch or single. One bad item does not hide the others: it comes back as a fault. Without
 * a content type the JSON itself says which of the two it is. Fields and attributes that are not known are kept, so
 * that a hub may be newer than its centers.
 */
export function decodeDelivery(payload: string, contentType: string | undefined): DecodedDelivery {
  const decoded: DecodedDelivery = { alarms: [], faults: [] };
  const mediaType = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (
    mediaType !== undefined &&
    mediaType !== CONTENT_TYPES.cloudEvent &&
    mediaType !== CONTENT_TYPES.cloudEventsBatch
  ) {
    decoded.faults.push(wholeFrame(`content type ${mediaType} is not a CloudEvent or a batch of them`));
    return decoded;
  }
  let items: unknown;
  try {
    items = JSON.parse(payload);
  } catch (error) {
    decoded.faults.push(wholeFrame(`not JSON: ${(error as Error).message}`));
    return decoded;
  }
  if (mediaType === CONTENT_TYPES.cloudEventsBatch && !Array.isArray(items)) {
    decoded.faults.push(wholeFrame("a batch must be a JSON array"));
    return decoded;
  }
  const events: unknown[] = Array.isArray(items) ? items : [items];
  events.forEach((event, index) => {
    const reason = faultOf(event);
    if (reason === undefined) decoded.alarms.push(deliveredAlarm(event as CloudEvent));
    else decoded.faults.push({ index, id: idOf(event), reason });
  });
  return decoded;
}

export const SOURCE_PREFIX = "/agents/";
export const TYPE_PREFIX = "alarm-relay.alarm.";

interface CloudEvent {
  specversion: string;
  id: string;
  type: string;
  attempt?: unknown;
  relayedagain?: unknown;
  data: Alarm;
}

/** The fields of an alarm without which a center could not treat it; all of them are texts. */
const ALARM_FIELDS = ["agent", "point", "category", "condition", "event", "priority", "acceptedAt"] as const;

function faultOf(item: unknown): string | undefined {
  if (!isObject(item)) return "not a JSON object";
  if (item["specversion"] !== "1.0") return "not a CloudEvent of specversion 1.0";
  const type = item["type"];
  if (typeof type !== "string" || !type.startsWith(TYPE_PREFIX)) return `type is not ${TYPE_PREFIX}*`;
  const alarm = item["data"];
  if (!isObject(alarm)) return "data is not a JSON object";
  const id = alarm["id"];
  if (typeof id !== "string" || parseAlarmId(id) === undefined) return "data/id is not the id of an alarm";
  if (item["id"] !== id) return "id differs from data/id";
  for (const field of ALARM_FIELDS) if (typeof alarm[field] !== "string") return `data/${field} is not a text`;
  return undefined;
}

function deliveredAlarm(event: CloudEvent): DeliveredAlarm {
  const { attempt } = event;
  return {
    alarm: event.data,
    attempt: typeof attempt === "number" && attempt >= 1 ? attempt : 1,
    relayedAgain: event.relayedagain === true,
  };
}

function idOf(item: unknown): string | undefined {
  const id = isObject(item) ? item["id"] : undefined;
  return typeof id === "string" && parseAlarmId(id) !== undefined ? id : undefined;
}

function wholeFrame(reason: string): DeliveryFault {
  return { index: -1, id: undefined, reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
