import type { AlarmEvent } from "../../shared/alarm/alarm.ts";
import type { EncodedAlarm } from "../../shared/wire/frame.ts";

/** A delivery that waits to be dispatched. */
export interface OutboxItem {
  n: number;
  id: string;
  agent: string;
  event: AlarmEvent;
  point: string;
  /** RFC 3339. */
  acceptedAt: string;
  encoded: EncodedAlarm;
  /** The number of this dispatch, from 1. */
  attempt: number;
  relayedAgain: boolean;
}

/** How much one frame may carry. */
export interface FrameBounds {
  alarmsMax: number;
  bytesMax: number;
}

/** What a CloudEvent adds to the alarm that it carries, in bytes, at most. */
const EVENT_BYTES_MAX = 400;

/** How many of `items`, from the first, fit into a frame; at least one if there is any. */
export function fitting(items: readonly OutboxItem[], { alarmsMax, bytesMax }: FrameBounds): number {
  const most = Math.min(items.length, alarmsMax);
  let bytes = 0;
  for (let i = 0; i < most; i++) {
    bytes += Buffer.byteLength((items[i] as OutboxItem).encoded) + EVENT_BYTES_MAX;
    if (i > 0 && bytes > bytesMax) return i;
  }
  return most;
}
