import { LANES, type Lane, PRIORITIES, type Priority } from "../../../shared/alarm/priority.ts";
import { formatTime } from "../../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";

/** What a center is still owed. */
export interface CenterBacklog {
  /** Deliveries that nobody has answered, by priority. */
  open: Record<Priority, number>;
  /** Of these, those that failed and wait to be tried again. */
  failed: number;
  /** When the hub came to hold the oldest of them. */
  oldestHeldAt?: string;
}

interface Count {
  found: number;
  first: number | null;
}

interface Waiting {
  cursorN: number;
  lastN: number;
  found: number;
}

/** Up to here what waits is counted anew each time; above, only what was added and taken since. */
const COUNT_ANEW_MAX = 20_000;

/**
 * Counts what is owed without walking through history. What is owed lies in three places: above the outlet's cursor
 * (never dispatched), in open frames, or it has a time at which it is tried again.
 *
 * A center that was away for weeks has millions above its cursor, and metrics ask every few seconds: there the count
 * is carried on by what has come on top and what the cursor has passed. It is exact again once it is small.
 */
export class OutletReads {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #waiting = new Map<number, Waiting>();

  constructor(db: SqliteDatabase) {
    this.#statements = prepare(db);
  }

  /** What `center` is owed; nothing if the ledger does not know it. */
  backlog(center: string): CenterBacklog {
    const open: Record<Priority, number> = { critical: 0, high: 0, medium: 0, low: 0 };
    const centerId = this.#statements.center.get(center)?.id;
    if (centerId === undefined) return { open, failed: 0 };
    let failed = 0;
    let firstN: number | undefined;
    for (const lane of LANES) {
      const due = this.#statements.due.get(centerId, lane) ?? NOTHING;
      const inFrames = this.#statements.frames.get(centerId, lane) ?? NOTHING;
      const waiting = this.#countWaiting(centerId, lane);
      open[PRIORITIES[lane] as Priority] = due.found + inFrames.found + waiting.found;
      failed += due.found;
      for (const { first } of [due, inFrames, waiting]) {
        if (first !== null && (firstN === undefined || first < firstN)) firstN = first;
      }
    }
    const oldest = firstN === undefined ? undefined : this.#statements.heldAt.get(firstN)?.held_at;
    return { open, failed, ...(oldest === undefined ? {} : { oldestHeldAt: formatTime(oldest) }) };
  }

  #countWaiting(centerId: number, lane: Lane): Count {
    const cursorN = this.#statements.cursor.get(centerId, lane)?.n ?? 0;
    const lastN = this.#statements.last.get(centerId, lane)?.n ?? 0;
    const key = centerId * LANES.length + lane;
    const before = this.#waiting.get(key);
    let found: number;
    if (before === undefined || before.found <= COUNT_ANEW_MAX || before.cursorN > cursorN) {
      found = this.#statements.waiting.get(centerId, lane, cursorN)?.found ?? 0;
    } else {
      const added = this.#statements.between.get(centerId, lane, before.lastN, lastN)?.found ?? 0;
      const passed = this.#statements.between.get(centerId, lane, before.cursorN, cursorN)?.found ?? 0;
      found = Math.max(0, before.found + added - passed);
    }
    this.#waiting.set(key, { cursorN, lastN, found });
    return { found, first: this.#statements.firstWaiting.get(centerId, lane, cursorN)?.n ?? null };
  }
}

const NOTHING: Count = { found: 0, first: null };

function prepare(db: SqliteDatabase) {
  type Outlet = [centerId: number, lane: number];
  const outlet = "center_id = ? AND lane = ?";
  return {
    center: db.prepare("SELECT id FROM center WHERE name = ?") as Statement<[string], { id: number }>,
    cursor: db.prepare(`SELECT n FROM lane_cursor WHERE ${outlet}`) as Statement<Outlet, { n: number }>,
    last: db.prepare(`SELECT max(n) AS n FROM delivery WHERE ${outlet}`) as Statement<Outlet, { n: number | null }>,
    waiting: db.prepare(`SELECT count(*) AS found FROM delivery WHERE ${outlet} AND n > ? AND state = 0`) as Statement<
      [...Outlet, number],
      { found: number }
    >,
    firstWaiting: db.prepare(
      `SELECT n FROM delivery WHERE ${outlet} AND n > ? AND state = 0 ORDER BY n LIMIT 1`,
    ) as Statement<[...Outlet, number], { n: number }>,
    between: db.prepare(`SELECT count(*) AS found FROM delivery WHERE ${outlet} AND n > ? AND n <= ?`) as Statement<
      [...Outlet, number, number],
      { found: number }
    >,
    // The oldest open frame holds the oldest of those that were dispatched; its first row may be answered already.
    frames: db.prepare(
      `SELECT coalesce(sum(owed), 0) AS found, min(first_n) AS first FROM frame WHERE ${outlet}`,
    ) as Statement<Outlet, Count>,
    due: db.prepare(
      `SELECT count(*) AS found, min(n) AS first FROM delivery INDEXED BY delivery_due WHERE ${outlet} AND due_at IS NOT NULL`,
    ) as Statement<Outlet, Count>,
    heldAt: db.prepare("SELECT held_at FROM alarm WHERE n = ?") as Statement<[number], { held_at: number }>,
  };
}
