import type { Alarm } from "../../shared/alarm/alarm.ts";
import { damaged } from "../../shared/sqlite/damage.ts";

/** Reads the text of a row, which is JSON unless a bit of it was turned over. Throws `store_damaged`. */
export function decodeAlarm(seq: number, text: string): Alarm {
  try {
    return JSON.parse(text) as Alarm;
  } catch {
    throw damaged("the queue", `the text of the alarm with seq ${seq} is no JSON`);
  }
}
