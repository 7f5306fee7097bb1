import { ALARM_BYTES_MAX, type Alarm } from "../alarm/alarm.ts";

/** Bounds of one frame. A frame never waits to be filled; these say where it ends under backlog. */
export const FRAME_ALARMS_MAX = 512;
export const FRAME_BYTES_MAX = 256 * 1024;

/** One alarm as it lies in a store: its encoded JSON, which frames splice together without decoding it. */
export type EncodedAlarm = string;

/**
 * Stands between the alarms of a frame. A JSON text has no raw line break within a string, so the hub can cut a frame
 * into the texts that its agent has kept; to write each of them anew took the hub 3 of its 70 µs of CPU per alarm.
 */
export const FRAME_SEPARATOR = ",\n";

/** Joins encoded alarms into the payload of an ALARMS frame: a plain JSON array. */
export function encodeFrame(alarms: readonly EncodedAlarm[]): string {
  return `[${alarms.join(FRAME_SEPARATOR)}]`;
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
  const items = cutFrame(payload) ?? parseFrame(payload);
  if (typeof items === "string") {
    frame.faults.push({ index: -1, reason: items, encoded: payload });
    return frame;
  }
  items.forEach(({ value, encoded }, index) => {
    const reason = encoded.length > ALARM_BYTES_MAX * 2 ? "larger than an alarm may be" : check(value);
    if (reason === undefined) frame.alarms.push({ alarm: value as Alarm, encoded });
    else frame.faults.push({ index, reason, encoded });
  });
  return frame;
}

interface Item {
  value: unknown;
  encoded: string;
}

/**
 * The items of a frame that `encodeFrame` made, each with its own text; undefined for any other frame. Texts that are
 * JSON objects each for itself are the items of the array, whatever stands in them.
 */
function cutFrame(payload: string): Item[] | undefined {
  if (!payload.startsWith("[{") || !payload.endsWith("}]")) return undefined;
  const texts = payload.slice(1, -1).split(FRAME_SEPARATOR);
  if (!texts.every((text) => text.startsWith("{") && text.endsWith("}"))) return undefined;
  try {
    return texts.map((encoded) => ({ value: JSON.parse(encoded) as unknown, encoded }));
  } catch {
    return undefined;
  }
}

/** The items of any other frame, written anew; a text says why there are none. */
function parseFrame(payload: string): Item[] | string {
  let items: unknown;
  try {
    items = JSON.parse(payload);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  if (!Array.isArray(items)) return "not a JSON array of alarms";
  return items.map((value: unknown) => ({ value, encoded: JSON.stringify(value) }));
}
