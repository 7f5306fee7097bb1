import { hash } from "node:crypto";
import { ALARM_BYTES_MAX } from "../../shared/alarm/alarm.ts";
import { clearsWholeCategory, conditionOf } from "../../shared/alarm/condition.ts";
import { type Lane, laneOf, priorityOf, priorityOfCategory } from "../../shared/alarm/priority.ts";
import type { Report } from "../../shared/alarm/report.ts";
import { formatTime, parseTime } from "../../shared/alarm/time.ts";
import { type ErrorDetail, RelayError } from "../../shared/runtime/errors.ts";

/** What an id and a priority add to the rest of an alarm: `{"id":"<agent>.<epoch>.<seq>","priority":"critical",`. */
const HEAD_BYTES_MAX = '{"id":"..","priority":"critical",'.length + 64 + 8 + 16;

/** Everything of an alarm but its id and its lane, which only the storing transaction can know. */
export interface Draft {
  report: Report;
  event: "raised" | "cleared" | "status";
  condition: string;
  clearsWholeCategory: boolean;
  /** The lane of the report itself; a clear takes that of its raise. */
  lane: Lane;
  acceptedAtMs: number;
  /** The encoded alarm without its head: `"agent":"gw-1",…}`. */
  rest: string;
  restBytes: number;
}

/**
 * Fills in what a report leaves open and encodes it once. Throws `alarm_too_large` that names every report which
 * would take more than 64 KiB, by its index and its largest field.
 */
export function draftAlarms(agent: string, reports: readonly Report[], nowMs: number): Draft[] {
  const tooLarge: ErrorDetail[] = [];
  const acceptedAt = formatTime(nowMs);
  const drafts = reports.map((report, index) => {
    const draft = draftAlarm(agent, report, nowMs, acceptedAt);
    const bytes = draft.restBytes + HEAD_BYTES_MAX;
    if (bytes > ALARM_BYTES_MAX) {
      const message = `makes the alarm ${bytes} bytes long; at most ${ALARM_BYTES_MAX} fit`;
      tooLarge.push({ path: `/${index}/${largestField(report)}`, message });
    }
    return draft;
  });
  if (tooLarge.length === 0) return drafts;
  throw new RelayError("alarm_too_large", `an alarm takes at most ${ALARM_BYTES_MAX} bytes`, {
    details: tooLarge,
    hint: "put large content behind a URL in media",
  });
}

function draftAlarm(agent: string, report: Report, acceptedAtMs: number, acceptedAt: string): Draft {
  const event = report.event ?? "raised";
  const condition = conditionOf(report);
  const { priority, occurredAt, ...fields } = report;
  const rest = JSON.stringify({
    agent,
    ...fields,
    condition,
    event,
    ...(occurredAt === undefined ? {} : { occurredAt: formatTime(parseTime(occurredAt)) }),
    acceptedAt,
  }).slice(1);
  return {
    report,
    event,
    condition,
    clearsWholeCategory: event === "cleared" && clearsWholeCategory(report),
    lane: laneOf(priority ?? priorityOfCategory(report.category)),
    acceptedAtMs,
    rest,
    restBytes: Buffer.byteLength(rest),
  };
}

/** The encoded alarm: what lies in `body`, travels in frames, and is never encoded again. */
export function encodeAlarm(draft: Draft, id: string, lane: Lane): string {
  return `{"id":"${id}","priority":"${priorityOf(lane)}",${draft.rest}`;
}

/** The bytes that the alarm will take at most. */
export function draftBytesMax(draft: Draft): number {
  return draft.restBytes + HEAD_BYTES_MAX;
}

function largestField(report: Report): string {
  let largest = "";
  let bytesMax = -1;
  for (const [name, value] of Object.entries(report)) {
    const bytes = Buffer.byteLength(JSON.stringify(value) ?? "");
    if (bytes > bytesMax) [largest, bytesMax] = [name, bytes];
  }
  return largest;
}

export const DIGEST_BYTES = 16;

/** `DIGEST_BYTES` that tell one content from another, whatever the order of its keys. `without` leaves fields out. */
export function digestOf(report: Report, without: readonly (keyof Report)[] = []): Buffer {
  const text = JSON.stringify(report, (key, value: unknown) =>
    key !== "" && without.includes(key as keyof Report) ? undefined : sorted(value),
  );
  return hash("sha256", text, "buffer").subarray(0, DIGEST_BYTES);
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
