import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { decodeAlarm } from "./decode.ts";
import { DELIVERY_STATES } from "./delivery-states.ts";
import type { Epochs } from "./epochs.ts";
import { hashOf } from "./hash.ts";
import { type AlarmFilter, type AlarmWithStages, type DeliveryStage, QUEUE_STAGES } from "./types.ts";

interface Row {
  seq: number;
  alarm: string;
  accepted_at: number;
  relayed_at: number | null;
  held_at: number | null;
  settled_at: number | null;
  centers: string | null;
}

interface DeliveryRow {
  name: string;
  state: number;
  received_at: number | null;
  acknowledged_at: number | null;
  operator: string | null;
  note: string | null;
  reason: string | null;
}

const COLUMNS = "a.seq, b.alarm, a.accepted_at, a.relayed_at, a.held_at, a.settled_at, r.centers";
const TABLES = "alarm a JOIN body b ON b.seq = a.seq LEFT JOIN route r ON r.id = a.route_id";
const PAGE_ROWS = 256;

/** Reads alarms with their stages, for people and programs at the edge. */
export class Reader {
  readonly #db: SqliteDatabase;
  readonly #epochs: Epochs;
  readonly #one: Statement<[number], Row>;
  readonly #deliveries: Statement<[number], DeliveryRow>;
  readonly #filtered = new Map<string, Statement<unknown[], Row>>();

  constructor(db: SqliteDatabase, epochs: Epochs) {
    this.#db = db;
    this.#epochs = epochs;
    this.#one = db.prepare(`SELECT ${COLUMNS} FROM ${TABLES} WHERE a.seq = ?`);
    this.#deliveries = db.prepare(
      "SELECT c.name, d.state, d.received_at, d.acknowledged_at, d.operator, d.note, d.reason " +
        "FROM delivery d JOIN center c ON c.id = d.center_id WHERE d.seq = ?",
    );
  }

  get(id: string): AlarmWithStages | undefined {
    const seq = this.#epochs.seqOf(id);
    const row = seq === undefined ? undefined : this.#one.get(seq);
    return row === undefined ? undefined : this.#view(row);
  }

  /** A page of what matches, newest first. The cursor is a seq: pages stay true while alarms come and go. */
  list(filter: AlarmFilter): { items: AlarmWithStages[]; nextCursor?: string } {
    const before = filter.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(filter.cursor);
    const rows = this.#rows(filter, "<", before, filter.limit + 1);
    const items = rows.slice(0, filter.limit).map((row) => this.#view(row));
    const last = rows[filter.limit - 1];
    return rows.length > filter.limit && last !== undefined ? { items, nextCursor: String(last.seq) } : { items };
  }

  /** A page of what matches above a seq, oldest first; without `lastSeq` it is the last one. */
  pageAfter(
    filter: Omit<AlarmFilter, "limit" | "cursor">,
    seq: number,
  ): { items: AlarmWithStages[]; lastSeq: number | undefined } {
    const rows = this.#rows(filter, ">", seq, PAGE_ROWS);
    const lastSeq = rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.seq;
    return { items: rows.map((row) => this.#view(row)), lastSeq };
  }

  #rows(filter: Omit<AlarmFilter, "limit" | "cursor">, side: "<" | ">", seq: number, limit: number): Row[] {
    const { reportId, account, point, stage } = filter;
    const wanted: [condition: string, value: string | number | undefined][] = [
      ["b.report_id = ?", reportId],
      ["a.account_hash = ?", account === undefined ? undefined : hashOf(account)],
      ["b.account = ?", account],
      ["a.point_hash = ?", point === undefined ? undefined : hashOf(point)],
      ["b.point = ?", point],
      ["a.stage = ?", stage === undefined ? undefined : QUEUE_STAGES.indexOf(stage)],
    ];
    const given = wanted.filter(([, value]) => value !== undefined);
    const conditions = [...given.map(([condition]) => condition), `a.seq ${side} ?`].join(" AND ");
    const sql = `SELECT ${COLUMNS} FROM ${TABLES} WHERE ${conditions} ORDER BY a.seq ${side === "<" ? "DESC" : ""} LIMIT ?`;
    let statement = this.#filtered.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql) as Statement<unknown[], Row>;
      this.#filtered.set(sql, statement);
    }
    return statement.all(...given.map(([, value]) => value), seq, limit);
  }

  #view(row: Row): AlarmWithStages {
    return {
      ...decodeAlarm(row.seq, row.alarm),
      stages: {
        acceptedAt: formatTime(row.accepted_at),
        ...time("relayedAt", relayedAtMs(row)),
        ...time("heldAt", row.held_at),
        ...time("settledAt", row.settled_at),
        deliveries: this.#deliveriesOf(row),
      },
    };
  }

  /** The deliveries that the hub has told of, and those of the route that nothing is known of yet. */
  #deliveriesOf(row: Row): DeliveryStage[] {
    const route = row.centers === null ? [] : (JSON.parse(row.centers) as string[]);
    const deliveries = new Map<string, DeliveryStage>(route.map((center) => [center, { center, state: "pending" }]));
    for (const found of this.#deliveries.all(row.seq)) {
      deliveries.set(found.name, {
        center: found.name,
        state: DELIVERY_STATES[found.state] as DeliveryStage["state"],
        ...time("receivedAt", found.received_at),
        ...time("acknowledgedAt", found.acknowledged_at),
        ...(found.operator === null ? {} : { operator: found.operator }),
        ...(found.note === null ? {} : { note: found.note }),
        ...(found.reason === null ? {} : { reason: found.reason }),
      });
    }
    return [...deliveries.values()];
  }
}

function time<Name extends string>(name: Name, ms: number | null): { [key in Name]?: string } {
  return (ms === null ? {} : { [name]: formatTime(ms) }) as { [key in Name]?: string };
}

/**
 * When it was relayed, as far as is known here. The hub may hold an alarm and have told so before its PubAck gets here;
 * what is held had been relayed, so that the earlier of both times is nearer to the truth. A time before it was accepted
 * is the word of another clock.
 */
function relayedAtMs({ accepted_at, relayed_at, held_at }: Row): number | null {
  if (relayed_at === null || held_at === null || held_at < accepted_at) return relayed_at;
  return Math.min(relayed_at, held_at);
}
