import { formatAlarmId } from "../../shared/alarm/identity.ts";
import { type Lane, priorityOf } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { ChangeKind } from "../../shared/wire/change.ts";
import { OWN_AGENT } from "../../shared/wire/subjects.ts";
import {
  DELIVERY_STATES,
  type DeliveryEvent,
  type DeliveryState,
  isOwed,
  type Milestones,
  next,
  retryDelayMs,
  STATE,
} from "../delivery/state.ts";
import type { Changes } from "./changes.ts";
import type { Effects } from "./effects.ts";
import { FrameReceipt, type ReceivedFrame } from "./frame-receipt.ts";
import type { Fresh } from "./fresh.ts";
import type { Names } from "./names.ts";
import type { LedgerObserver } from "./observer.ts";
import type { OwnAlarms } from "./own-alarms.ts";
import type { AlarmRef } from "./refs.ts";
import { type CountedAlarm, countSql } from "./settling.ts";

/** Something that happened to deliveries of one center. */
export interface DeliveryHappening {
  event: DeliveryEvent;
  centerId: number;
  atMs: number;
  operator?: string;
  note?: string;
  reason?: string;
}

interface DeliveryRow {
  state: number;
  attempt: number;
  frame_seq: number | null;
  received_at: number | null;
  acknowledged_at: number | null;
}

const CHANGE_OF: Record<DeliveryEvent, ChangeKind> = {
  received: "received",
  acknowledged: "acknowledged",
  failed: "failed",
  lost: "failed",
  rejected: "rejected",
  killed: "dead",
  redriven: "redriven",
};

/** Moves deliveries through their states, and settles and closes the alarms behind them. */
export class Deliveries {
  readonly #names: Names;
  readonly #changes: Changes;
  readonly #effects: Effects;
  readonly #fresh: Fresh;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #observer: LedgerObserver;
  readonly #own: OwnAlarms;
  readonly #frameReceipt: FrameReceipt;

  constructor(
    db: SqliteDatabase,
    parts: {
      names: Names;
      changes: Changes;
      effects: Effects;
      fresh: Fresh;
      observer: LedgerObserver;
      own: OwnAlarms;
    },
  ) {
    this.#names = parts.names;
    this.#changes = parts.changes;
    this.#effects = parts.effects;
    this.#fresh = parts.fresh;
    this.#observer = parts.observer;
    this.#own = parts.own;
    this.#statements = prepare(db);
    this.#frameReceipt = new FrameReceipt(db);
  }

  /**
   * Applies one happening to the deliveries of `alarms`. What changes nothing is passed over; the alarms whose
   * delivery did change come back. To be called inside a transaction.
   */
  apply(happening: DeliveryHappening, alarms: readonly AlarmRef[]): AlarmRef[] {
    if (happening.event !== "received") return this.#applyEach(happening, alarms);
    const changed: AlarmRef[] = [];
    for (const part of this.#frameReceipt.parts(happening.centerId, alarms)) {
      const frame = this.#frameReceipt.apply(happening.centerId, part, happening.atMs);
      const applied =
        frame === undefined ? this.#applyEach(happening, part) : this.#receivedFrame(happening, part, frame);
      changed.push(...applied);
    }
    return changed;
  }

  #applyEach(happening: DeliveryHappening, alarms: readonly AlarmRef[]): AlarmRef[] {
    const changed: AlarmRef[] = [];
    const settled: AlarmRef[] = [];
    const leftFrames = new Map<number, { lane: Lane; count: number }>();
    for (const ref of alarms) {
      const row = this.#statements.delivery.get(happening.centerId, ref.lane, ref.n);
      if (row === undefined) continue;
      const from = DELIVERY_STATES[row.state] as DeliveryState;
      const to = next(from, happening.event, milestonesOf(row));
      if (to === undefined) continue;
      // It may wait in memory to be dispatched, which is for the ledger to judge now.
      if (from === "pending") this.#fresh.drop(happening.centerId, ref.lane);
      if (happening.event === "acknowledged" && !this.#takeResponsibility(happening, ref)) continue;
      this.#store(happening, ref, to, row);
      if (row.frame_seq !== null && happening.event !== "acknowledged") leave(leftFrames, row.frame_seq, ref.lane);
      const wasOwed = isOwed(from, milestonesOf(row));
      if (this.#count(happening, ref, wasOwed)) settled.push(ref);
      changed.push(ref);
    }
    for (const [frameSeq, { lane, count }] of leftFrames) this.#leaveFrame(happening.centerId, lane, frameSeq, count);
    this.#announce(happening, changed, settled);
    return changed;
  }

  #receivedFrame(happening: DeliveryHappening, alarms: readonly AlarmRef[], frame: ReceivedFrame): readonly AlarmRef[] {
    const { centerId, atMs } = happening;
    const settledNs = new Set<number>();
    for (const [n, acceptedAtMs, isSettledNow] of frame.counted) {
      this.#observer.received(frame.lane, atMs - acceptedAtMs);
      if (isSettledNow === 1) settledNs.add(n);
    }
    this.#leaveFrame(centerId, frame.lane, frame.frameSeq, alarms.length);
    this.#announce(
      happening,
      alarms,
      alarms.filter(({ n }) => settledNs.has(n)),
    );
    return alarms;
  }

  /** The state of a delivery and whether the center has taken custody; undefined if the alarm does not go there. */
  stateOf(centerId: number, ref: AlarmRef): { state: DeliveryState; received: boolean } | undefined {
    const row = this.#statements.delivery.get(centerId, ref.lane, ref.n);
    if (row === undefined) return undefined;
    return { state: DELIVERY_STATES[row.state] as DeliveryState, received: row.received_at !== null };
  }

  /** The first acknowledgment of an alarm takes responsibility for it; false if somebody else had. */
  #takeResponsibility({ centerId, atMs, operator, note }: DeliveryHappening, ref: AlarmRef): boolean {
    return this.#statements.acknowledgeAlarm.run(atMs, centerId, operator ?? "", note ?? null, atMs, ref.n).changes > 0;
  }

  #store(happening: DeliveryHappening, ref: AlarmRef, to: DeliveryState, row: DeliveryRow): void {
    const { event, centerId, atMs } = happening;
    const key = [centerId, ref.lane, ref.n] as const;
    const state = STATE[to];
    const reason = happening.reason ?? null;
    switch (event) {
      case "received":
        this.#statements.received.run(state, atMs, ...key);
        return;
      case "acknowledged":
        this.#statements.acknowledged.run(state, atMs, happening.operator ?? null, happening.note ?? null, ...key);
        return;
      case "failed":
      case "lost":
        // By the hub's own clock, which is the one that is asked when it is due: a center's may be wrong by days.
        this.#statements.ended.run(state, reason, Date.now() + retryDelayMs(row.attempt), ...key);
        break;
      case "redriven":
        this.#statements.ended.run(state, reason, Date.now(), ...key);
        this.#effects.poke(centerId, ref.lane);
        break;
      case "rejected":
      case "killed":
        this.#statements.ended.run(state, reason, null, ...key);
        break;
    }
    this.#statements.history.run(
      ref.n,
      atMs,
      centerId,
      CHANGE_OF[event],
      JSON.stringify({ reason, attempt: row.attempt }),
    );
  }

  /** Keeps the alarm's counts of what is needed and owed; true if this has settled it. */
  #count({ event, atMs }: DeliveryHappening, ref: AlarmRef, wasOwed: boolean): boolean {
    // An acknowledgment from within a handler leaves the reception owed.
    if (event === "acknowledged" || event === "failed" || event === "lost") return false;
    const owed = event === "redriven" ? -1 : wasOwed ? 1 : 0;
    const needed = event === "received" ? 1 : 0;
    const counted = this.#statements.count.get({ needed, owed, at: atMs, n: ref.n });
    if (counted === undefined || event === "redriven") return false;
    const [, acceptedAtMs, isSettledNow] = counted;
    if (event === "received") this.#observer.received(ref.lane, atMs - acceptedAtMs);
    return isSettledNow === 1;
  }

  #leaveFrame(centerId: number, lane: Lane, frameSeq: number, count: number): void {
    const frame = this.#statements.leaveFrame.get(count, centerId, lane, frameSeq);
    if (frame === undefined || frame.owed > 0) return;
    this.#statements.dropFrame.run(centerId, lane, frameSeq);
    this.#effects.answered(centerId, lane, frameSeq);
  }

  /** A delivery that ends without reception is told by an alarm of the hub's own, unless it was one of those. */
  #tellEnded({ event, reason }: DeliveryHappening, center: string, ended: readonly AlarmRef[]): void {
    const ids = ended
      .map(({ agentId, epoch, seq }) => ({ agent: this.#names.agentName(agentId), epoch, seq }))
      .filter(({ agent }) => agent !== OWN_AGENT)
      .map(({ agent, epoch, seq }) => formatAlarmId(agent, epoch, seq));
    const [first] = ids;
    if (first === undefined) return;
    const what = ids.length === 1 ? `Alarm ${first} was` : `${ids.length} alarms, the first ${first}, were`;
    const how = event === "rejected" ? `refused by ${center}` : `given up for ${center}`;
    this.#own.tell(
      {
        kind: event === "rejected" ? "delivery-rejected" : "delivery-dead",
        subject: center,
        category: "technical",
        priority: priorityOf(Math.min(...ended.map(({ lane }) => lane)) as Lane),
        text: `${what} ${how}: ${reason ?? "no reason was given"}`,
        names: ids.slice(0, NAMES_MAX),
      },
      Date.now(),
    );
  }

  #announce(happening: DeliveryHappening, changed: readonly AlarmRef[], settled: readonly AlarmRef[]): void {
    const { event, atMs, centerId, operator, note, reason } = happening;
    if (changed.length > 0) {
      const center = this.#names.centerName(centerId);
      const details = {
        ...(operator === undefined ? {} : { operator }),
        ...(note === undefined ? {} : { note }),
        ...(reason === undefined ? {} : { reason }),
      };
      this.#changes.add({ kind: CHANGE_OF[event], atMs, center, ...details }, changed);
      if (event === "rejected") this.#observer.dead(center, "rejected", changed.length);
      if (event === "killed") this.#observer.dead(center, "removed", changed.length);
      if (event === "rejected" || event === "killed") this.#tellEnded(happening, center, changed);
    }
    if (settled.length > 0) this.#changes.add({ kind: "settled", atMs }, settled);
  }
}

const NAMES_MAX = 1_000;

function milestonesOf(row: DeliveryRow): Milestones {
  return { received: row.received_at !== null, acknowledged: row.acknowledged_at !== null };
}

function leave(frames: Map<number, { lane: Lane; count: number }>, frameSeq: number, lane: Lane): void {
  const frame = frames.get(frameSeq);
  if (frame === undefined) frames.set(frameSeq, { lane, count: 1 });
  else frame.count += 1;
}

function prepare(db: SqliteDatabase) {
  const key = "center_id = ? AND lane = ? AND n = ?";
  return {
    delivery: db.prepare(
      `SELECT state, attempt, frame_seq, received_at, acknowledged_at FROM delivery WHERE ${key}`,
    ) as Statement<[number, number, number], DeliveryRow>,
    received: db.prepare(
      `UPDATE delivery SET state = ?, received_at = ?, frame_seq = NULL, due_at = NULL, reason = NULL, reserve = NULL WHERE ${key}`,
    ),
    acknowledged: db.prepare(`UPDATE delivery SET state = ?, acknowledged_at = ?, operator = ?, note = ? WHERE ${key}`),
    ended: db.prepare(`UPDATE delivery SET state = ?, reason = ?, frame_seq = NULL, due_at = ? WHERE ${key}`),
    acknowledgeAlarm: db.prepare(
      "UPDATE alarm SET acknowledged_at = ?, acknowledged_by = ?, operator = ?, note = ?, closed_at = CASE WHEN " +
        "closed_at IS NULL AND owed <= 0 AND condition_state <> 1 THEN ? ELSE closed_at END " +
        "WHERE n = ? AND acknowledged_at IS NULL",
    ),
    count: db.prepare(countSql({ needed: "$needed", owed: "$owed", where: "n = $n" })).raw() as Statement<
      [{ needed: number; owed: number; at: number; n: number }],
      CountedAlarm
    >,
    leaveFrame: db.prepare(
      "UPDATE frame SET owed = owed - ? WHERE center_id = ? AND lane = ? AND frame_seq = ? RETURNING owed",
    ) as Statement<[number, number, number, number], { owed: number }>,
    dropFrame: db.prepare("DELETE FROM frame WHERE center_id = ? AND lane = ? AND frame_seq = ?"),
    history: db.prepare("INSERT INTO history (n, at, center_id, kind, detail) VALUES (?, ?, ?, ?, ?)"),
  };
}
