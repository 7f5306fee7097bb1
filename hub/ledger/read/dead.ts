import { formatAlarmId } from "../../../shared/alarm/identity.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";
import { STATE } from "../../delivery/state.ts";
import { badCursor, readCursor, writeCursor } from "./cursor.ts";
import { historyOf } from "./trail.ts";
import { type DeadView, type Page, summaryOf } from "./views.ts";

interface DeadRow {
  n: number;
  center_id: number;
  center: string;
  state: number;
  attempt: number;
  reason: string | null;
  agent: string;
  epoch: string;
  seq: number;
  encoded: string;
}

export interface DeadFilter {
  center?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

type Bind = { n: number; centerId: number; center: string | null; limit: number };

/** Reads the deliveries that were given up or refused, newest alarm first. */
export class DeadReads {
  readonly #db: SqliteDatabase;
  readonly #list: Statement<[Bind], DeadRow>;

  constructor(db: SqliteDatabase) {
    this.#db = db;
    this.#list = db.prepare(
      "SELECT d.n, d.center_id, c.name AS center, d.state, d.attempt, d.reason, g.name AS agent, e.name AS epoch, " +
        "a.seq, b.alarm AS encoded FROM delivery d INDEXED BY delivery_dead JOIN center c ON c.id = d.center_id " +
        "JOIN alarm a ON a.n = d.n JOIN body b ON b.n = d.n JOIN epoch e ON e.id = a.epoch_id " +
        "JOIN agent g ON g.id = e.agent_id WHERE d.state IN (5, 6) AND d.n <= $n " +
        "AND (d.n < $n OR d.center_id < $centerId) AND ($center IS NULL OR c.name = $center) " +
        "ORDER BY d.n DESC, d.center_id DESC LIMIT $limit",
    ) as Statement<[Bind], DeadRow>;
  }

  /** At most `limit` of them. Throws `bad_request` for a cursor that is none. */
  list({ center, limit, cursor }: DeadFilter): Page<DeadView> {
    const [n, centerId] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, 0] : readCursor(cursor);
    if (typeof n !== "number" || typeof centerId !== "number") throw badCursor();
    const rows = this.#list.all({ n, centerId, center: center ?? null, limit });
    const items = rows.map((row) => this.#view(row));
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return { items };
    return { items, nextCursor: writeCursor([last.n, last.center_id]) };
  }

  #view(row: DeadRow): DeadView {
    return {
      id: formatAlarmId(row.agent, row.epoch, row.seq),
      center: row.center,
      state: row.state === STATE.dead ? "dead" : "rejected",
      ...(row.reason === null ? {} : { reason: row.reason }),
      attempt: row.attempt,
      alarm: summaryOf(row.encoded),
      history: historyOf(this.#db, row.n, row.center),
    };
  }
}
