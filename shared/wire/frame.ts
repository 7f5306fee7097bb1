import { ALARM_BYTES_MAX, type Alarm } from "../alarm/alarm.ts";

/** Bounds of one frame. A frame never waits to be filled; these say where it ends under backlog. */
export const FRAME_ALARMS_MAX = 512;
export const FRAME_BYTES_MAX = 256 * 1024;

/** One alarm as it lies in a store: its encoded JSON, which frames splice together without decoding it. */
export type EncodedAlarm = string;

/** Joins encoded alarms into the payload of an ALARMS frame: a plain JSON array. */
export function encodeFrame(alarms: readonly EncodedAlarm[]): string {
  return `[${alarms.join(",")}]`;
}

/** What a frame held: the alarms that could be read, and what is wrong with each of the others. */
export interface DecodedFrame {
  alarms: { alarm: Alarm; encoded: EncodedAlarm }[];
  faults: { index: number; reason: string; encoded: string }[];
}

/**
 * Reads an ALARMS frame. One bad alarm does not hide the others: it comes back as a fault. A frame that is no JSON
 * array is one fault with index -1. `check` says what is wrong with one alarm, or nothing.
 */
export function decodeFrame(payload: string, check: (alarm: unknown) => string | undefined): DecodedFrame {
  const frame: DecodedFrame = { alarms: [], faults: [] };
  let items: unknown;
  try {
    items = JSON.parse(payload);
  } catch (error) {
    frame.faults.push({
      index: -1,
      reason: `not JSON: ${(error as Error).message}`,
      encoded: payload,
    });
    return frame;
  }
  if (!Array.isArray(items)) {
    frame.faults.push({
      index: -1,
      reason: "not a JSON array of alarms",
      encoded: payload,
    });
    return frame;
  }
  items.forEach((item: unknown, index) => {
    const encoded = JSON.stringify(item);
    const reason = encoded.length > ALARM_BYTES_MAX * 2 ? "larger than an alarm may be" : check(item);
    if (reason === undefined) frame.alarms.push({ alarm: item as Alarm, encoded });
    else frame.faults.push({ index, reason, encoded });
  });
  return frame;
}
