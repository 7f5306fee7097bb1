import { formatAlarmId } from "../../../shared/alarm/identity.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";
import type { Change, ChangeKind } from "../../../shared/wire/change.ts";
import { type AlarmSummary, summaryOf } from "./views.ts";

/**
 * Where a reader of the events stands: behind the first `done` alarms of change number `event`; behind all of them if
 * `done` is left out.
 */
export interface EventPosition {
  event: number;
  done?: number;
}

/** One step of one alarm. */
export interface TrailEvent {
  kind: ChangeKind;
  at: string;
  id: string;
  /** The center whose delivery changed. */
  center?: string;
  /** For held: the centers of the route. */
  centers?: string[];
  operator?: string;
  note?: string;
  reason?: string;
  /** Absent once the alarm has left the ledger. */
  alarm?: AlarmSummary;
}

export interface EventPage {
  events: { event: TrailEvent; position: EventPosition }[];
  /** Where to go on; also behind changes that had nothing to tell. */
  next: EventPosition;
  more: boolean;
}

interface ChangeRow {
  event: number;
  agent_id: number;
  agent: string;
  body: string;
}

/** Reads the changes as a stream of events, one per alarm. */
export class EventReads {
  readonly #after: Statement<[number, number], ChangeRow>;
  readonly #at: Statement<[number, number], ChangeRow>;
  readonly #bodies: Statement<[number, string, number, number], { seq: number; encoded: string }>;
  readonly #bounds: Statement<[], { first: number | null; last: number | null }>;
  readonly #time: Statement<[number], { event: number; at: number }>;

  constructor(db: SqliteDatabase) {
    const row = "SELECT c.event, c.agent_id, g.name AS agent, c.body FROM change c JOIN agent g ON g.id = c.agent_id";
    this.#after = db.prepare(`${row} WHERE c.event > ? ORDER BY c.event LIMIT ?`) as Statement<
      [number, number],
      ChangeRow
    >;
    this.#at = db.prepare(`${row} WHERE c.event >= ? ORDER BY c.event LIMIT ?`) as Statement<
      [number, number],
      ChangeRow
    >;
    this.#bodies = db.prepare(
      "SELECT a.seq, b.alarm AS encoded FROM epoch e JOIN alarm a ON a.epoch_id = e.id JOIN body b ON b.n = a.n " +
        "WHERE e.agent_id = ? AND e.name = ? AND a.seq BETWEEN ? AND ?",
    ) as Statement<[number, string, number, number], { seq: number; encoded: string }>;
    this.#bounds = db.prepare(
      "SELECT (SELECT min(event) FROM change) AS first, (SELECT max(event) FROM change) AS last",
    ) as Statement<[], { first: number | null; last: number | null }>;
    this.#time = db.prepare("SELECT event, at FROM change WHERE event >= ? ORDER BY event LIMIT 1") as Statement<
      [number],
      { event: number; at: number }
    >;
  }

  /** Behind the newest change: a reader that starts here sees only what happens from now on. */
  end(): EventPosition {
    return { event: this.#bounds.get()?.last ?? 0 };
  }

  /** The number of the oldest change that is still kept. */
  oldest(): number | undefined {
    return this.#bounds.get()?.first ?? undefined;
  }

  /**
   * Before the first change from `sinceMs` on. Changes carry the times of those who told them, so that this is a
   * place near that time and not an exact one.
   */
  positionAt(sinceMs: number): EventPosition {
    const { first, last } = this.#bounds.get() ?? { first: null, last: null };
    let low = first ?? 1;
    let high = (last ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#time.get(middle);
      if (row === undefined || row.at >= sinceMs) high = middle;
      else low = row.event + 1;
    }
    return { event: low - 1 };
  }

  /** At most `limit` events behind `position`. */
  page(position: EventPosition, limit: number): EventPage {
    const inside = position.done !== undefined;
    const rows = (inside ? this.#at : this.#after).all(position.event, limit);
    const events: EventPage["events"] = [];
    for (const row of rows) {
      const skip = inside && row.event === position.event ? (position.done ?? 0) : 0;
      for (const found of this.#expand(row, skip, limit - events.length)) events.push(found);
      if (events.length >= limit) return { events, next: lastPosition(events, row), more: true };
    }
    const last = rows.at(-1);
    return { events, next: last === undefined ? position : { event: last.event }, more: rows.length === limit };
  }

  #expand(row: ChangeRow, skip: number, limit: number): EventPage["events"] {
    const { ids, kind, at, center, centers, operator, note, reason } = JSON.parse(row.body) as Change;
    const total = ids.reduce((sum, [, first, last]) => sum + last - first + 1, 0);
    const shared = {
      ...(center === undefined ? {} : { center }),
      ...(centers === undefined ? {} : { centers }),
      ...(operator === undefined ? {} : { operator }),
      ...(note === undefined ? {} : { note }),
      ...(reason === undefined ? {} : { reason }),
    };
    const events: EventPage["events"] = [];
    let index = 0;
    for (const [epoch, rangeFirst, last] of ids) {
      const first = rangeFirst + Math.max(0, Math.min(skip - index, last - rangeFirst + 1));
      index += first - rangeFirst;
      const end = Math.min(last, first + (limit - events.length) - 1);
      const summaries = this.#summaries(row.agent_id, epoch, first, end);
      for (let seq = first; seq <= end; seq++) {
        index += 1;
        const alarm = summaries.get(seq);
        const id = formatAlarmId(row.agent, epoch, seq);
        events.push({
          event: { kind, at, id, ...shared, ...(alarm === undefined ? {} : { alarm }) },
          position: index === total ? { event: row.event } : { event: row.event, done: index },
        });
      }
      if (events.length >= limit) break;
    }
    return events;
  }

  #summaries(agentId: number, epoch: string, first: number, last: number): Map<number, AlarmSummary> {
    const rows = first > last ? [] : this.#bodies.all(agentId, epoch, first, last);
    return new Map(rows.map((row) => [row.seq, summaryOf(row.encoded)]));
  }
}

function lastPosition(events: EventPage["events"], row: ChangeRow): EventPosition {
  return events.at(-1)?.position ?? { event: row.event };
}
