import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import { BulkInsert } from "../../shared/sqlite/bulk-insert.ts";
import type { SqliteDatabase } from "../../shared/sqlite/open.ts";
import type { EncodedAlarm } from "../../shared/wire/frame.ts";
import type { ChangedAlarm } from "./changes.ts";
import { CONDITION } from "./conditions.ts";
import type { RouteRow } from "./names.ts";
import { RESERVE } from "./reserve.ts";

/** An alarm on its way into the ledger. */
export interface NewAlarm extends ChangedAlarm {
  n: number;
  lane: Lane;
  alarm: Alarm;
  acceptedAtMs: number;
  /** With the hub's own fields. */
  encoded: EncodedAlarm;
}

/** How it is held. */
export interface Holding {
  epochId: number;
  route: RouteRow;
  /** Its condition stands until a clear ends it, and somebody has to take responsibility for it. */
  isStanding: boolean;
  /** It may be out of order. */
  isMarked: boolean;
  heldAtMs: number;
}

/** Writes the rows of held alarms, those of a frame together: one that was added is there after `write`. */
export class AlarmRows {
  readonly #alarms: BulkInsert<(string | number | null)[]>;
  readonly #bodies: BulkInsert<[n: number, alarm: EncodedAlarm]>;

  constructor(db: SqliteDatabase) {
    this.#alarms = new BulkInsert(
      db,
      "alarm (n, epoch_id, seq, lane, category, event, account, point, route_id, test, relayed_again, accepted_at, " +
        "held_at, condition_state, needed, owed, must_acknowledge, settled_at, closed_at, reserve)",
      `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${RESERVE.untilSettled})`,
    );
    this.#bodies = new BulkInsert(db, "body (n, alarm)", "(?, ?)");
  }

  add({ n, seq, lane, alarm, acceptedAtMs, encoded }: NewAlarm, holding: Holding): void {
    const { epochId, route, isStanding, isMarked, heldAtMs } = holding;
    // Recorded only: nobody is to receive it.
    const isDone = route.centers.length === 0;
    this.#alarms.add(
      n,
      epochId,
      seq,
      lane,
      alarm.category,
      alarm.event,
      alarm.account ?? null,
      alarm.point,
      route.id,
      alarm.test === true || alarm.category === "test" ? 1 : 0,
      isMarked ? 1 : 0,
      acceptedAtMs,
      heldAtMs,
      isStanding ? CONDITION.raised : CONDITION.none,
      route.required,
      route.centers.length,
      isStanding && !isDone ? 1 : 0,
      isDone ? heldAtMs : null,
      isDone && !isStanding ? heldAtMs : null,
    );
    this.#bodies.add(n, encoded);
  }

  /** To be called in the transaction of `add`. */
  write(): void {
    this.#alarms.flush();
    this.#bodies.flush();
  }

  /** Drops what waits, after a transaction that failed. */
  forget(): void {
    this.#alarms.forget();
    this.#bodies.forget();
  }
}
