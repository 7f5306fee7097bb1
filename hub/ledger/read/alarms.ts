import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { formatAlarmId, parseAlarmId } from "../../../shared/alarm/identity.ts";
import { formatTime } from "../../../shared/alarm/time.ts";
import { prepareOnce } from "../../../shared/sqlite/database.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";
import { DELIVERY_STATES, type DeliveryState } from "../../delivery/state.ts";
import { type AlarmFilter, planAlarms } from "./alarm-filter.ts";
import { pageOf, readNumberCursor } from "./cursor.ts";
import { trailOf } from "./trail.ts";
import {
  type AlarmDetails,
  type AlarmState,
  type AlarmView,
  CONDITION_STATES,
  type ConditionState,
  type DeliveryView,
  type Page,
} from "./views.ts";

interface AlarmRow {
  n: number;
  lane: number;
  agent: string;
  epoch: string;
  seq: number;
  accepted_at: number;
  held_at: number;
  condition_state: number;
  cleared_at: number | null;
  settled_at: number | null;
  acknowledged_at: number | null;
  acknowledged_center: string | null;
  operator: string | null;
  note: string | null;
  closed_at: number | null;
  relayed_again: number;
  route: string;
  centers: string;
  required: number;
  encoded: string;
}

interface DeliveryRow {
  n: number;
  center: string;
  state: number;
  attempt: number;
  dispatched_at: number | null;
  received_at: number | null;
  acknowledged_at: number | null;
  operator: string | null;
  note: string | null;
  reason: string | null;
  due_at: number | null;
}

/** Reads alarms with their route and deliveries. */
export class AlarmReads {
  readonly #db: SqliteDatabase;
  readonly #rows: Statement<[string], AlarmRow>;
  readonly #find: Statement<[string, number, string], { n: number }>;
  readonly #deliveries: Statement<[string], DeliveryRow>;
  readonly #atOnce: <T>(read: () => T) => T;

  constructor(db: SqliteDatabase) {
    this.#db = db;
    // A page is two statements in one transaction: alarm by alarm it would take its locks a hundred times.
    this.#rows = db.prepare(
      "SELECT a.n, a.lane, g.name AS agent, e.name AS epoch, a.seq, a.accepted_at, a.held_at, a.condition_state, " +
        "a.cleared_at, a.settled_at, a.acknowledged_at, c.name AS acknowledged_center, a.operator, a.note, a.closed_at, " +
        "a.relayed_again, r.name AS route, r.centers, r.required, b.alarm AS encoded " +
        "FROM json_each(?) w CROSS JOIN alarm a ON a.n = w.value JOIN epoch e ON e.id = a.epoch_id JOIN agent g ON g.id = e.agent_id " +
        "JOIN route r ON r.id = a.route_id JOIN body b ON b.n = a.n LEFT JOIN center c ON c.id = a.acknowledged_by " +
        "ORDER BY w.key",
    ) as Statement<[string], AlarmRow>;
    this.#find = db.prepare(
      "SELECT a.n FROM agent g JOIN epoch e ON e.agent_id = g.id AND e.name = ? " +
        "JOIN alarm a ON a.epoch_id = e.id AND a.seq = ? WHERE g.name = ?",
    ) as Statement<[string, number, string], { n: number }>;
    // The key is (center, lane, n): one look-up per alarm and center that there ever was.
    this.#deliveries = db.prepare(
      "SELECT a.n, c.name AS center, d.state, d.attempt, d.dispatched_at, d.received_at, d.acknowledged_at, d.operator, " +
        "d.note, d.reason, d.due_at FROM json_each(?) w CROSS JOIN alarm a ON a.n = w.value CROSS JOIN center c " +
        "CROSS JOIN delivery d ON d.center_id = c.id AND d.lane = a.lane AND d.n = a.n ORDER BY c.id",
    ) as Statement<[string], DeliveryRow>;
    this.#atOnce = db.transaction((read: () => unknown) => read()) as <T>(read: () => T) => T;
  }

  /** The newest alarms that match, at most `limit`. Throws `bad_request` for a cursor that is none. */
  list(filter: AlarmFilter, page: { limit: number; cursor?: string | undefined }): Page<AlarmView> {
    return this.#atOnce(() => this.#list(filter, page));
  }

  /** The alarm with that id and all that happened to it, or undefined. */
  get(id: string): AlarmDetails | undefined {
    return this.#atOnce(() => {
      const n = this.find(id);
      const view = n === undefined ? undefined : this.#views([n])[0];
      if (n === undefined || view === undefined) return undefined;
      return { ...view, trail: trailOf(this.#db, n, view) };
    });
  }

  /** The number under which the ledger keeps the alarm with that id. */
  find(id: string): number | undefined {
    const identity = parseAlarmId(id);
    if (identity === undefined) return undefined;
    return this.#find.get(identity.epoch, identity.seq, identity.agent)?.n;
  }

  #list(filter: AlarmFilter, page: { limit: number; cursor?: string | undefined }): Page<AlarmView> {
    const belowN = page.cursor === undefined ? Number.MAX_SAFE_INTEGER : readNumberCursor(page.cursor);
    const plan = planAlarms(this.#db, filter, { belowN, limit: page.limit });
    if (plan === undefined) return { items: [] };
    const query = prepareOnce<[Record<string, string | number>], { n: number }>(this.#db, plan.sql);
    const found = query.all(plan.parameters).map((row) => row.n);
    const isFull = found.length === page.limit;
    return pageOf(this.#views(found), isFull ? found.at(-1) : plan.floorN);
  }

  #views(numbers: readonly number[]): AlarmView[] {
    const wanted = JSON.stringify(numbers);
    const deliveries = new Map(numbers.map((n) => [n, [] as DeliveryView[]]));
    for (const row of this.#deliveries.iterate(wanted)) deliveries.get(row.n)?.push(deliveryView(row));
    return this.#rows.all(wanted).map((row) => alarmView(row, deliveries.get(row.n) ?? []));
  }
}

function alarmView(row: AlarmRow, deliveries: DeliveryView[]): AlarmView {
  return {
    id: formatAlarmId(row.agent, row.epoch, row.seq),
    state: stateOf(row),
    condition: CONDITION_STATES[row.condition_state] as ConditionState,
    alarm: JSON.parse(row.encoded) as Alarm,
    route: { name: row.route, centers: JSON.parse(row.centers) as string[], require: row.required },
    deliveries,
    acceptedAt: formatTime(row.accepted_at),
    heldAt: formatTime(row.held_at),
    ...time("settledAt", row.settled_at),
    ...acknowledgedOf(row),
    ...time("clearedAt", row.cleared_at),
    ...time("closedAt", row.closed_at),
    relayedAgain: row.relayed_again === 1,
  };
}

function stateOf(row: AlarmRow): AlarmState {
  if (row.closed_at !== null) return "closed";
  return row.acknowledged_at === null ? "unacknowledged" : "acknowledged";
}

function acknowledgedOf(row: AlarmRow): Pick<AlarmView, "acknowledged"> {
  if (row.acknowledged_at === null) return {};
  return {
    acknowledged: {
      at: formatTime(row.acknowledged_at),
      center: row.acknowledged_center ?? "",
      operator: row.operator ?? "",
      ...text("note", row.note),
    },
  };
}

function deliveryView(row: DeliveryRow): DeliveryView {
  return {
    center: row.center,
    state: DELIVERY_STATES[row.state] as DeliveryState,
    attempt: row.attempt,
    ...time("dispatchedAt", row.dispatched_at),
    ...time("receivedAt", row.received_at),
    ...time("acknowledgedAt", row.acknowledged_at),
    ...text("operator", row.operator),
    ...text("note", row.note),
    ...text("reason", row.reason),
    ...time("dueAt", row.due_at),
  };
}

function time<K extends string>(key: K, ms: number | null): { [key in K]?: string } {
  return (ms === null ? {} : { [key]: formatTime(ms) }) as { [key in K]?: string };
}

function text<K extends string>(key: K, value: string | null): { [key in K]?: string } {
  return (value === null ? {} : { [key]: value }) as { [key in K]?: string };
}
