import type { AlarmEvent } from "../../shared/alarm/alarm.ts";
import { formatAlarmId } from "../../shared/alarm/identity.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { RETRY_MS_MAX, STATE } from "../delivery/state.ts";
import type { Effects } from "./effects.ts";
import type { Fresh } from "./fresh.ts";
import { type FrameBounds, fitting, type OutboxItem } from "./outbox-item.ts";
import type { AlarmRef } from "./refs.ts";
import { RESERVE } from "./reserve.ts";

/** A frame in DELIVERIES of which somebody still owes an answer. */
export interface OpenFrame {
  frameSeq: number;
  /** Counts the frames of one outlet: the window spans from the oldest open one to the newest. */
  ordinal: number;
  dispatchedAtMs: number;
}

interface ItemRow {
  n: number;
  seq: number;
  agent: string;
  epoch: string;
  event: AlarmEvent;
  point: string;
  accepted_at: number;
  relayed_again: number;
  attempt: number;
  state: number;
  alarm: string;
}

/**
 * The outbox is the delivery table itself, which is ordered by center, lane and n: above an outlet's cursor lies what
 * was never dispatched. What is to be dispatched again has a due time, and goes alone. What was held a moment ago is
 * handed over from memory while the dispatcher keeps up.
 */
export class Outbox {
  readonly #effects: Effects;
  readonly #fresh: Fresh;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: SqliteDatabase, parts: { effects: Effects; fresh: Fresh }) {
    this.#effects = parts.effects;
    this.#fresh = parts.fresh;
    this.#statements = prepare(db);
  }

  /** Where dispatching of an outlet stands: everything up to n has been dispatched at least once. */
  cursor(centerId: number, lane: Lane): { n: number; ordinal: number } {
    return this.#statements.cursor.get(centerId, lane) ?? { n: 0, ordinal: 0 };
  }

  openFrames(centerId: number, lane: Lane): OpenFrame[] {
    return this.#statements.openFrames.all(centerId, lane);
  }

  /**
   * Takes the next deliveries above number `afterN`, in order, up to both bounds; at least one if there is any. Whoever
   * takes them takes the ones behind them next time, or says `rewind`.
   */
  take(centerId: number, lane: Lane, afterN: number, bounds: FrameBounds): OutboxItem[] {
    const fresh = this.#fresh.take(centerId, lane, bounds);
    if (fresh !== undefined) return fresh;
    const rows = this.#statements.next.all(centerId, lane, afterN, bounds.alarmsMax);
    const items = upTo(rows, bounds);
    if (rows.length < bounds.alarmsMax && items.length === rows.length) this.#fresh.follow(centerId, lane);
    return items;
  }

  /** What comes next is read from the ledger: the outlet does not keep up, or is dispatched from another place on. */
  rewind(centerId: number, lane: Lane): void {
    this.#fresh.drop(centerId, lane);
  }

  /**
   * Deliveries whose time to be dispatched again has come. One that has failed comes alone, so that it can hold nobody
   * else up; those whose frame was lost did nothing wrong and go together. A time further away than anything waits was
   * set before the clock was turned back: it has come, too.
   */
  due(centerId: number, lane: Lane, nowMs: number, bounds: FrameBounds): OutboxItem[] {
    const items = this.#dueBetween(centerId, lane, [Number.MIN_SAFE_INTEGER, nowMs], bounds);
    if (items.length > 0) return items;
    return this.#dueBetween(centerId, lane, [nowMs + RETRY_MS_MAX + 1, Number.MAX_SAFE_INTEGER], bounds);
  }

  #dueBetween(centerId: number, lane: Lane, span: [fromMs: number, toMs: number], bounds: FrameBounds): OutboxItem[] {
    const first = this.#statements.due.get(centerId, lane, ...span);
    if (first === undefined) return [];
    if (first.state !== STATE.pending) return [toItem(first)];
    return upTo(this.#statements.dueTogether.all(centerId, lane, ...span, bounds.alarmsMax), bounds);
  }

  /**
   * Notes that a frame lies in DELIVERIES. Its receipts may have been applied already; only what is still owed counts.
   * `advance` moves the outlet's cursor: a frame that is dispatched again does not. To be called in a transaction.
   */
  dispatched(
    frame: { centerId: number; lane: Lane; frameSeq: number; ordinal: number; items: readonly OutboxItem[] },
    options: { atMs: number; advance: boolean },
  ): void {
    const { centerId, lane, frameSeq, ordinal, items } = frame;
    const first = items[0]?.n ?? 0;
    const last = items.at(-1)?.n ?? 0;
    // A frame of first dispatches holds everything that was pending in its span: one statement marks it.
    const owed = options.advance
      ? this.#statements.dispatchedSpan.run(options.atMs, frameSeq, centerId, lane, first, last).changes
      : this.#dispatchedAgain(frame, options.atMs);
    const cursor = options.advance ? last : this.cursor(centerId, lane).n;
    this.#statements.setCursor.run(centerId, lane, cursor, ordinal);
    if (owed > 0) this.#statements.addFrame.run(centerId, lane, frameSeq, ordinal, first, last, owed, options.atMs);
    else this.#effects.answered(centerId, lane, frameSeq);
  }

  #dispatchedAgain(
    {
      centerId,
      lane,
      frameSeq,
      items,
    }: { centerId: number; lane: Lane; frameSeq: number; items: readonly OutboxItem[] },
    atMs: number,
  ): number {
    let owed = 0;
    for (const { n } of items) owed += this.#statements.dispatchedAgain.run(atMs, frameSeq, centerId, lane, n).changes;
    return owed;
  }

  /** Marks all that is still owed: somebody else may have dispatched it before. To be called in a transaction. */
  markAgain(): void {
    this.#statements.markAgain.run();
  }

  /** The deliveries of a frame that nobody has answered. */
  unanswered(centerId: number, lane: Lane, frameSeq: number): AlarmRef[] {
    return this.#statements.unanswered
      .all(centerId, lane, frameSeq)
      .map((row) => ({ n: row.n, lane, agentId: row.agent_id, epoch: row.epoch, seq: row.seq }));
  }

  /** Up to `limit` deliveries of an outlet that are still owed: for a center that no longer exists. */
  owed(centerId: number, lane: Lane, limit: number): AlarmRef[] {
    return this.#statements.owed
      .all({ center: centerId, lane, limit })
      .map((row) => ({ n: row.n, lane: row.lane, agentId: row.agent_id, epoch: row.epoch, seq: row.seq }));
  }
}

function upTo(rows: readonly ItemRow[], bounds: FrameBounds): OutboxItem[] {
  const items = rows.map(toItem);
  return items.slice(0, fitting(items, bounds));
}

function toItem(row: ItemRow): OutboxItem {
  return {
    n: row.n,
    id: formatAlarmId(row.agent, row.epoch, row.seq),
    agent: row.agent,
    event: row.event,
    point: row.point,
    acceptedAt: formatTime(row.accepted_at),
    encoded: row.alarm,
    attempt: row.attempt + 1,
    relayedAgain: row.relayed_again === 1,
  };
}

function prepare(db: SqliteDatabase) {
  type RefRow = { n: number; lane: Lane; agent_id: number; epoch: string; seq: number };
  const item =
    "SELECT d.n, a.seq, g.name AS agent, e.name AS epoch, a.event, a.point, a.accepted_at, a.relayed_again, d.attempt, d.state, b.alarm " +
    "FROM delivery d JOIN alarm a ON a.n = d.n JOIN body b ON b.n = d.n " +
    "JOIN epoch e ON e.id = a.epoch_id JOIN agent g ON g.id = e.agent_id ";
  const dispatched =
    "UPDATE delivery SET state = CASE state WHEN 3 THEN 3 ELSE 1 END, attempt = attempt + 1, dispatched_at = ?, " +
    `reserve = ${RESERVE.untilReceived}, ` +
    "frame_seq = ?, due_at = NULL WHERE center_id = ? AND lane = ?";
  const ref =
    "SELECT d.n, d.lane, e.agent_id, e.name AS epoch, a.seq FROM delivery d " +
    "JOIN alarm a ON a.n = d.n JOIN epoch e ON e.id = a.epoch_id ";
  return {
    cursor: db.prepare("SELECT n, ordinal FROM lane_cursor WHERE center_id = ? AND lane = ?") as Statement<
      [number, number],
      { n: number; ordinal: number }
    >,
    setCursor: db.prepare("INSERT OR REPLACE INTO lane_cursor (center_id, lane, n, ordinal) VALUES (?, ?, ?, ?)"),
    openFrames: db.prepare(
      "SELECT frame_seq AS frameSeq, ordinal, dispatched_at AS dispatchedAtMs FROM frame " +
        "WHERE center_id = ? AND lane = ? ORDER BY ordinal",
    ) as Statement<[number, number], OpenFrame>,
    next: db.prepare(
      `${item} WHERE d.center_id = ? AND d.lane = ? AND d.n > ? AND d.state = 0 AND d.due_at IS NULL ORDER BY d.n LIMIT ?`,
    ) as Statement<[number, number, number, number], ItemRow>,
    due: db.prepare(
      `${item} WHERE d.center_id = ? AND d.lane = ? AND d.due_at BETWEEN ? AND ? ORDER BY d.due_at LIMIT 1`,
    ) as Statement<[number, number, number, number], ItemRow>,
    dueTogether: db.prepare(
      `${item} WHERE d.center_id = ? AND d.lane = ? AND d.due_at BETWEEN ? AND ? AND d.state = 0 ORDER BY d.n LIMIT ?`,
    ) as Statement<[number, number, number, number, number], ItemRow>,
    dispatchedSpan: db.prepare(
      `${dispatched} AND n BETWEEN ? AND ? AND received_at IS NULL AND due_at IS NULL AND state IN (0, 3)`,
    ),
    dispatchedAgain: db.prepare(`${dispatched} AND n = ? AND received_at IS NULL AND state IN (0, 3, 4)`),
    addFrame: db.prepare(
      "INSERT OR REPLACE INTO frame (center_id, lane, frame_seq, ordinal, first_n, last_n, owed, dispatched_at) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    markAgain: db.prepare(
      "UPDATE alarm INDEXED BY alarm_open SET relayed_again = 1 WHERE closed_at IS NULL AND owed > 0",
    ),
    unanswered: db.prepare(
      `${ref} JOIN frame f ON f.center_id = d.center_id AND f.lane = d.lane AND f.frame_seq = d.frame_seq ` +
        "WHERE f.center_id = ? AND f.lane = ? AND f.frame_seq = ? AND d.n BETWEEN f.first_n AND f.last_n",
    ) as Statement<[number, number, number], RefRow>,
    // Not a scan of the center's whole history: what is owed lies above the cursor, in an open frame, or is due.
    owed: db.prepare(
      `${ref} JOIN (
         SELECT d.lane, d.n FROM delivery d WHERE d.center_id = $center AND d.lane = $lane AND d.n > coalesce((SELECT n FROM lane_cursor
             WHERE center_id = $center AND lane = $lane), 0) AND d.state = 0
         UNION SELECT d.lane, d.n FROM frame f JOIN delivery d ON d.center_id = f.center_id AND d.lane = f.lane
           AND d.n BETWEEN f.first_n AND f.last_n AND d.frame_seq = f.frame_seq
           WHERE f.center_id = $center AND f.lane = $lane
         UNION SELECT lane, n FROM delivery WHERE center_id = $center AND lane = $lane AND due_at IS NOT NULL
       ) o ON o.lane = d.lane AND o.n = d.n WHERE d.center_id = $center ORDER BY d.n LIMIT $limit`,
    ) as Statement<[{ center: number; lane: number; limit: number }], RefRow>,
  };
}
