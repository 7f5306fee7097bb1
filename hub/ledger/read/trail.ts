import { formatTime } from "../../../shared/alarm/time.ts";
import { prepareOnce } from "../../../shared/sqlite/database.ts";
import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import type { AlarmView, TrailEntry } from "./views.ts";

interface HistoryRow {
  at: number;
  center: string | null;
  kind: string;
  detail: string;
}

/**
 * All that happened to an alarm, in order. What the columns of the alarm and its deliveries say is not kept a second
 * time: only failures, refusals and repeats have rows of their own.
 */
export function trailOf(db: SqliteDatabase, n: number, view: AlarmView): TrailEntry[] {
  const entries = [...deliveryEntries(view), ...historyOf(db, n)];
  const add = (kind: string, at: string | undefined): void => {
    if (at !== undefined) entries.push({ at, kind });
  };
  add("held", view.heldAt);
  add("settled", view.settledAt);
  add("cleared", view.clearedAt);
  add("closed", view.closedAt);
  entries.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || rank(a.kind) - rank(b.kind));
  // The gateway's clock may be wrong by any amount; it came first all the same.
  return [{ at: view.acceptedAt, kind: "accepted" }, ...entries];
}

/** The kept entries of one alarm, oldest first; of one center if it is given. */
export function historyOf(db: SqliteDatabase, n: number, center?: string): TrailEntry[] {
  const statement = prepareOnce<[number], HistoryRow>(
    db,
    "SELECT h.at, c.name AS center, h.kind, h.detail FROM history h LEFT JOIN center c ON c.id = h.center_id " +
      "WHERE h.n = ? ORDER BY h.id",
  );
  const rows = statement.all(n);
  return rows.filter((row) => center === undefined || row.center === center).map(historyEntry);
}

function historyEntry(row: HistoryRow): TrailEntry {
  const detail = JSON.parse(row.detail) as { reason?: string | null; attempt?: number };
  return {
    at: formatTime(row.at),
    kind: row.kind,
    ...(row.center === null ? {} : { center: row.center }),
    ...(detail.attempt === undefined ? {} : { attempt: detail.attempt }),
    ...(detail.reason === undefined || detail.reason === null ? {} : { reason: detail.reason }),
  };
}

function deliveryEntries(view: AlarmView): TrailEntry[] {
  const entries: TrailEntry[] = [];
  for (const delivery of view.deliveries) {
    const { center, attempt, dispatchedAt, receivedAt, acknowledgedAt, operator, note } = delivery;
    if (dispatchedAt !== undefined) entries.push({ at: dispatchedAt, kind: "dispatched", center, attempt });
    if (receivedAt !== undefined) entries.push({ at: receivedAt, kind: "received", center });
    if (acknowledgedAt !== undefined) {
      entries.push({
        at: acknowledgedAt,
        kind: "acknowledged",
        center,
        ...(operator === undefined ? {} : { operator }),
        ...(note === undefined ? {} : { note }),
      });
    }
  }
  return entries;
}

/** The order of what happened in the same millisecond. */
const RANKS = ["held", "redriven", "dispatched", "failed", "rejected", "dead", "received", "acknowledged", "settled"];

function rank(kind: string): number {
  const index = RANKS.indexOf(kind);
  return index === -1 ? RANKS.length : index;
}
