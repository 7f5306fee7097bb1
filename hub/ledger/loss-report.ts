import type { Alarm } from "../../shared/alarm/alarm.ts";
import { isToken, type SeqRange } from "../../shared/alarm/identity.ts";

/** The code of an alarm by which an agent names what it had to give up. */
const LOSS_CODE = "queue-loss";
const RANGES_MAX = 10_000;

/** The ranges that an agent reports as lost, if the alarm is such a report: `raw` is `{"lost": [[epoch, first, last], …]}`. */
export function lostRanges(alarm: Alarm): SeqRange[] {
  if (alarm.code !== LOSS_CODE || alarm.category !== "supervision" || alarm.raw === undefined) return [];
  let raw: { lost?: unknown } | null;
  try {
    raw = JSON.parse(alarm.raw) as { lost?: unknown } | null;
  } catch {
    return [];
  }
  return Array.isArray(raw?.lost) ? raw.lost.filter(isRange).slice(0, RANGES_MAX) : [];
}

/** True for a well-formed range of sequence numbers, as it comes from outside. */
export function isRange(value: unknown): value is SeqRange {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [epoch, first, last] = value as unknown[];
  return typeof epoch === "string" && isToken(epoch) && isSeq(first) && isSeq(last) && first <= last;
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
