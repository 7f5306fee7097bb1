import { randomBytes } from "node:crypto";
import { encodeBatch, encodeEvent } from "../../shared/wire/cloudevent.ts";
import { CONTENT_TYPES } from "../../shared/wire/headers.ts";
import type { FrameBounds, OutboxItem } from "../ledger/outbox-item.ts";
import type { Framing } from "../routing/config.ts";

/** At most this many frames of one center and lane lie in DELIVERIES; the rest waits in the ledger. */
export const WINDOW_FRAMES_MAX = 64;
/** The window's other bound, 16 MiB, follows from this one. */
const DELIVERY_BYTES_MAX = 256 * 1024;
const DELIVERY_ALARMS_MAX = 512;

/** What the protocol adds to a payload: subject, msgId and headers. */
const HEADER_BYTES_MAX = 1024;

/** How much a frame of that framing may carry, where the server takes `payloadBytesMax` in one message. */
export function boundsOf(framing: Framing, payloadBytesMax: number): FrameBounds {
  return {
    alarmsMax: framing === "single" ? 1 : DELIVERY_ALARMS_MAX,
    bytesMax: Math.min(DELIVERY_BYTES_MAX, payloadBytesMax - HEADER_BYTES_MAX),
  };
}

/** A frame on its way to DELIVERIES. It stays as it is until its PubAck has come. */
export interface DeliveryFrame {
  items: readonly OutboxItem[];
  payload: string;
  contentType: string;
  /** A fresh one per frame: what is dispatched again must not be taken for what the server has seen. */
  msgId: string;
  /** These deliveries have not been dispatched before: the outlet's cursor moves on. */
  advance: boolean;
}

export function createFrame(items: readonly OutboxItem[], framing: Framing, advance: boolean): DeliveryFrame {
  const events = items.map((item) =>
    encodeEvent({
      id: item.id,
      encodedAlarm: item.encoded,
      agent: item.agent,
      event: item.event,
      point: item.point,
      acceptedAt: item.acceptedAt,
      attempt: item.attempt,
      relayedAgain: item.relayedAgain,
    }),
  );
  const single = framing === "single";
  return {
    items,
    payload: single ? (events[0] as string) : encodeBatch(events),
    contentType: single ? CONTENT_TYPES.cloudEvent : CONTENT_TYPES.cloudEventsBatch,
    msgId: randomBytes(12).toString("base64url"),
    advance,
  };
}
