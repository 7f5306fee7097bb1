import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { DELIVERY_STATES, type DeliveryState } from "../delivery/state.ts";
import type { ChangedAlarm, ChangeInput, Changes } from "./changes.ts";
import type { Names } from "./names.ts";

interface AlarmRow {
  n: number;
  lane: number;
  route_id: number;
  held_at: number;
  settled_at: number | null;
}

interface DeliveryRow {
  state: number;
  received_at: number | null;
  acknowledged_at: number | null;
  operator: string | null;
  reason: string | null;
}

/**
 * Tells an agent again what the ledger knows of alarms that it relayed although they are held: its database was
 * restored, or changes for it are no longer kept. Without this it would relay them for ever.
 */
export class Retell {
  readonly #names: Names;
  readonly #changes: Changes;
  readonly #alarm: Statement<[number, number], AlarmRow>;
  readonly #delivery: Statement<[number, number, number], DeliveryRow>;

  constructor(db: SqliteDatabase, parts: { names: Names; changes: Changes }) {
    this.#names = parts.names;
    this.#changes = parts.changes;
    this.#alarm = db.prepare(
      "SELECT n, lane, route_id, held_at, settled_at FROM alarm WHERE epoch_id = ? AND seq = ?",
    ) as Statement<[number, number], AlarmRow>;
    this.#delivery = db.prepare(
      "SELECT state, received_at, acknowledged_at, operator, reason FROM delivery WHERE center_id = ? AND lane = ? AND n = ?",
    ) as Statement<[number, number, number], DeliveryRow>;
  }

  /** Adds the changes that bring the agent up to date. To be called inside a transaction. */
  tell(alarms: readonly (ChangedAlarm & { epochId: number })[], nowMs: number): void {
    // Alarms of one frame mostly share their times: what is equal goes into one change.
    const groups = new Map<string, { input: ChangeInput; alarms: ChangedAlarm[] }>();
    for (const alarm of alarms) {
      for (const input of this.#stagesOf(alarm, nowMs)) {
        const key = JSON.stringify(input);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { input, alarms: [alarm] });
        else group.alarms.push(alarm);
      }
    }
    for (const group of groups.values()) this.#changes.add(group.input, group.alarms);
  }

  #stagesOf(alarm: { epochId: number; seq: number }, nowMs: number): ChangeInput[] {
    const row = this.#alarm.get(alarm.epochId, alarm.seq);
    // It was held and has left the ledger since: it was closed long ago, and nothing is owed for it.
    if (row === undefined) {
      return [
        { kind: "held", atMs: nowMs },
        { kind: "settled", atMs: nowMs },
      ];
    }
    const { centers } = this.#names.routeById(row.route_id);
    const stages: ChangeInput[] = [{ kind: "held", atMs: row.held_at, centers }];
    for (const center of centers) {
      const delivery = this.#delivery.get(this.#names.centerId(center), row.lane, row.n);
      if (delivery !== undefined) stages.push(...deliveryStages(center, delivery, nowMs));
    }
    if (row.settled_at !== null) stages.push({ kind: "settled", atMs: row.settled_at });
    return stages;
  }
}

function deliveryStages(center: string, row: DeliveryRow, nowMs: number): ChangeInput[] {
  const stages: ChangeInput[] = [];
  const state = DELIVERY_STATES[row.state] as DeliveryState;
  const reason = row.reason === null ? {} : { reason: row.reason };
  if (row.received_at !== null) stages.push({ kind: "received", atMs: row.received_at, center });
  if (row.acknowledged_at !== null) {
    stages.push({ kind: "acknowledged", atMs: row.acknowledged_at, center, operator: row.operator ?? "" });
  }
  if (state === "failed" || state === "rejected" || state === "dead") {
    stages.push({ kind: state, atMs: nowMs, center, ...reason });
  }
  return stages;
}
