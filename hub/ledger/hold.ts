import type { Alarm } from "../../shared/alarm/alarm.ts";
import { parseAlarmId } from "../../shared/alarm/identity.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import { formatTime, parseTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { EncodedAlarm } from "../../shared/wire/frame.ts";
import type { Routed, Router } from "../routing/route.ts";
import { AlarmRows, type NewAlarm } from "./alarm-rows.ts";
import type { ChangedAlarm, Changes } from "./changes.ts";
import { Conditions } from "./conditions.ts";
import type { Effects } from "./effects.ts";
import type { Fresh } from "./fresh.ts";
import type { Gaps } from "./gaps.ts";
import { lostRanges } from "./loss-report.ts";
import type { Names, RouteRow } from "./names.ts";
import type { OutboxItem } from "./outbox-item.ts";
import { RESERVE } from "./reserve.ts";
import type { Retell } from "./retell.ts";
import type { Seen } from "./seen.ts";

/** A frame of ALARMS, decoded, with the router whose configuration counts for it. */
export interface FrameToHold {
  agent: string;
  lane: Lane;
  /** Its agent relays it again because the hub did not seem to hold it. */
  relayedAgain: boolean;
  /** Its alarms may be out of order: centers are told so. */
  isMarked: boolean;
  alarms: readonly { alarm: Alarm; encoded: EncodedAlarm }[];
  router: Router;
}

/** An alarm that has just been held. */
export interface HeldAlarm extends ChangedAlarm {
  n: number;
  lane: Lane;
}

const LATE_MS = 60_000;
/** Categories whose raises do not stand, and of which nobody has to take responsibility. */
const UNATTENDED = new Set(["open-close", "test"]);

/** Takes alarms into the ledger: once each, with the route that they go by and a delivery for each of its centers. */
export class Holder {
  readonly #names: Names;
  readonly #seen: Seen;
  readonly #changes: Changes;
  readonly #effects: Effects;
  readonly #fresh: Fresh;
  readonly #conditions: Conditions;
  readonly #retell: Retell;
  readonly #gaps: Gaps;
  readonly #statements: ReturnType<typeof prepare>;
  /** Whoever changes or reads a row of the same frame has them written first. */
  readonly #rows: AlarmRows;
  /** The rows of what the router has said before: it says the same object again. */
  #routes = new WeakMap<Routed, RouteRow>();
  #lastN: number | undefined;

  constructor(
    db: SqliteDatabase,
    parts: {
      names: Names;
      seen: Seen;
      changes: Changes;
      effects: Effects;
      fresh: Fresh;
      retell: Retell;
      gaps: Gaps;
    },
  ) {
    this.#names = parts.names;
    this.#seen = parts.seen;
    this.#changes = parts.changes;
    this.#effects = parts.effects;
    this.#fresh = parts.fresh;
    this.#retell = parts.retell;
    this.#gaps = parts.gaps;
    this.#statements = prepare(db);
    this.#rows = new AlarmRows(db);
    this.#conditions = new Conditions(db, () => this.#rows.write());
  }

  /** Holds what the ledger has not seen before, and returns it. To be called inside a transaction. */
  hold(frame: FrameToHold, nowMs: number): HeldAlarm[] {
    const agentId = this.#names.agentId(frame.agent, nowMs);
    const held: HeldAlarm[] = [];
    const byRoute = new Map<RouteRow, NewAlarm[]>();
    const known: (ChangedAlarm & { epochId: number })[] = [];
    const heldAt = formatTime(nowMs);
    const newSeqs = new Map<number, Set<number>>();
    for (const { alarm, encoded } of frame.alarms) {
      const identity = parseAlarmId(alarm.id);
      if (identity === undefined) throw new Error(`not the id of an alarm: ${alarm.id}`);
      const epochId = this.#names.epochId(agentId, identity.epoch);
      const seqs = newSeqs.get(epochId);
      if (this.#seen.has(epochId, identity.seq)) {
        // Only what is relayed again on purpose: the other repeats are frames whose PubAck was lost.
        if (frame.relayedAgain) known.push({ agentId, epoch: identity.epoch, epochId, seq: identity.seq });
        continue;
      }
      if (seqs?.has(identity.seq)) continue;
      const acceptedAtMs = parseTime(alarm.acceptedAt);
      const row: NewAlarm = {
        n: this.#nextN(),
        agentId,
        epoch: identity.epoch,
        seq: identity.seq,
        lane: frame.lane,
        alarm,
        acceptedAtMs,
        encoded: withHeld(encoded, heldAt, nowMs - acceptedAtMs),
      };
      const route = this.#store(row, epochId, frame, nowMs);
      if (seqs === undefined) newSeqs.set(epochId, new Set([identity.seq]));
      else seqs.add(identity.seq);
      held.push(row);
      for (const range of lostRanges(alarm)) this.#gaps.explain(this.#names.epochId(agentId, range[0]), range);
      const group = byRoute.get(route);
      if (group === undefined) byRoute.set(route, [row]);
      else group.push(row);
    }
    this.#rows.write();
    for (const [epochId, seqs] of newSeqs)
      this.#seen.add(
        epochId,
        [...seqs].sort((a, b) => a - b),
      );
    for (const [route, rows] of byRoute) {
      this.#addDeliveries(route, rows, frame);
      this.#announce(route, rows, frame.lane, nowMs);
    }
    if (known.length > 0) this.#retell.tell(known, nowMs);
    return held;
  }

  /** Drops what is in memory, after a transaction that failed. */
  forget(): void {
    this.#lastN = undefined;
    this.#routes = new WeakMap();
    this.#rows.forget();
  }

  #store(row: NewAlarm, epochId: number, frame: FrameToHold, nowMs: number): RouteRow {
    const { alarm } = row;
    const raises = alarm.event === "cleared" ? this.#conditions.endedBy(row.agentId, alarm) : [];
    const route = this.#routeOf(alarm, raises, frame.router);
    // Nobody clears a test signal, and open-close is never paired.
    const isStanding = alarm.event === "raised" && !UNATTENDED.has(alarm.category);
    this.#rows.add(row, { epochId, route, isStanding, isMarked: frame.isMarked, heldAtMs: nowMs });
    if (isStanding) this.#conditions.raise(row.agentId, alarm, row.n, nowMs);
    else if (alarm.event === "cleared") this.#conditions.clear(row.agentId, alarm, raises, nowMs);
    return route;
  }

  /** A clear goes to the centers that had the raises which it ends; everything else is routed. */
  #routeOf(alarm: Alarm, raises: readonly number[], router: Router): RouteRow {
    if (raises.length > 0) this.#rows.write();
    const raiseRoutes = raises.map((n) => this.#names.routeById(this.#statements.routeOf.get(n)?.route_id ?? 0));
    const [first, ...others] = raiseRoutes;
    if (first !== undefined && others.every((other) => other.id === first.id))
      return this.#names.route(...routeKey(first));
    if (first !== undefined) {
      const centers = [...new Set(raiseRoutes.flatMap((route) => route.centers))];
      const name = [...new Set(raiseRoutes.map((route) => route.name))].join("+");
      return this.#names.route(name, centers, centers.length);
    }
    const routed = router(alarm);
    let row = this.#routes.get(routed);
    if (row === undefined) {
      row = this.#names.route(routed.route, routed.centers, routed.require);
      this.#routes.set(routed, row);
    }
    return row;
  }

  /** What was numbered together and goes by one route gets its deliveries with one statement per center. */
  #addDeliveries(route: RouteRow, rows: readonly NewAlarm[], { lane, isMarked }: FrameToHold): void {
    const items = rows.map((row) => outboxItem(row, isMarked));
    const first = rows[0]?.n ?? 0;
    const last = rows.at(-1)?.n ?? 0;
    for (const center of route.centers) {
      const centerId = this.#names.centerId(center);
      this.#statements.addDeliveries.run(centerId, first, last, route.id);
      this.#fresh.add(centerId, lane, items);
    }
  }

  #announce(route: RouteRow, rows: readonly HeldAlarm[], lane: Lane, atMs: number): void {
    this.#changes.add({ kind: "held", atMs, centers: route.centers }, rows);
    if (route.centers.length === 0) this.#changes.add({ kind: "settled", atMs }, rows);
    for (const center of route.centers) this.#effects.poke(this.#names.centerId(center), lane);
  }

  /** The highest number that was given to an alarm. */
  get lastN(): number {
    this.#lastN ??= this.#statements.lastN.get()?.n ?? 0;
    return this.#lastN;
  }

  #nextN(): number {
    this.#lastN = this.lastN + 1;
    return this.#lastN;
  }
}

function routeKey(route: RouteRow): [string, string[], number] {
  return [route.name, route.centers, route.required];
}

function outboxItem({ n, alarm, encoded }: NewAlarm, relayedAgain: boolean): OutboxItem {
  const { id, agent, event, point, acceptedAt } = alarm;
  return { n, id, agent, event, point, acceptedAt, encoded, attempt: 1, relayedAgain };
}

/** Adds the hub's own fields behind those of the agent, without decoding the alarm again. */
function withHeld(encoded: EncodedAlarm, heldAt: string, ageMs: number): EncodedAlarm {
  return `${encoded.slice(0, -1)},"heldAt":"${heldAt}","late":${ageMs > LATE_MS},"ageMs":${ageMs}}`;
}

function prepare(db: SqliteDatabase) {
  return {
    addDeliveries: db.prepare(
      "INSERT INTO delivery (center_id, lane, n, state, attempt, reserve) " +
        `SELECT ?, lane, n, 0, 0, ${RESERVE.untilDispatched} FROM alarm WHERE n BETWEEN ? AND ? AND route_id = ? ORDER BY n`,
    ),
    routeOf: db.prepare("SELECT route_id FROM alarm WHERE n = ?") as Statement<[number], { route_id: number }>,
    // A number that was ever dispatched is not given again, even if retention has removed its alarm.
    lastN: db.prepare(
      "SELECT max(n) AS n FROM (SELECT max(n) AS n FROM alarm UNION ALL SELECT max(n) FROM lane_cursor)",
    ) as Statement<[], { n: number | null }>,
  };
}
