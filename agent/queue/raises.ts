import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Draft } from "./draft.ts";

/** The most raises that are kept; those that were not raised again for the longest time go first. */
const RAISES_MAX = 200_000;
const CACHE_MAX = 10_000;
/** A raise that repeats is written again only to keep its age, and that seldom. */
const REFRESH_MS = 3_600_000;

interface Raise {
  lane: Lane;
  category: string;
  raisedAtMs: number;
}

/**
 * The last raise of each alarm point. A clear takes the lane of its raise, so that both travel in order. Raises stay
 * after their clear, because a device that repeats the clear means the same one.
 */
export class Raises {
  readonly #put: Statement<[string, string, string, string, string, Lane, number]>;
  readonly #byCondition: Statement<[string, string, string, string], Lane>;
  readonly #byCategory: Statement<[string, string, string, string], Lane | null>;
  readonly #prune: Statement<[number]>;
  /** Points raise again and again: what is known to be stored needs no write. */
  readonly #stored = new Map<string, Raise>();

  constructor(db: SqliteDatabase) {
    this.#put = db.prepare(
      "INSERT INTO raise (account, area, point, condition, category, lane, raised_at) VALUES (?, ?, ?, ?, ?, ?, ?) " +
        "ON CONFLICT DO UPDATE SET category = excluded.category, lane = excluded.lane, raised_at = excluded.raised_at",
    );
    this.#byCondition = db
      .prepare("SELECT lane FROM raise WHERE account = ? AND area = ? AND point = ? AND condition = ?")
      .pluck() as Statement<[string, string, string, string], Lane>;
    // The slowest lane: a clear that closes several raises must not overtake one of them.
    this.#byCategory = db
      .prepare("SELECT max(lane) FROM raise WHERE account = ? AND area = ? AND point = ? AND category = ?")
      .pluck() as Statement<[string, string, string, string], Lane | null>;
    this.#prune = db.prepare(`DELETE FROM raise WHERE raised_at < ? AND (SELECT count(*) FROM raise) > ${RAISES_MAX}`);
  }

  /** The lane in which an alarm travels. Openings and closings are never paired. */
  laneOf(draft: Draft): Lane {
    const { report } = draft;
    if (draft.event !== "cleared" || report.category === "open-close") return draft.lane;
    const { account = "", area = "", point, category } = report;
    const found = draft.clearsWholeCategory
      ? this.#byCategory.get(account, area, point, category)
      : this.#byCondition.get(account, area, point, draft.condition);
    return found ?? draft.lane;
  }

  /** Remembers a raise, in the transaction that stores it. */
  remember(draft: Draft): void {
    const { account = "", area = "", point, category } = draft.report;
    if (draft.event !== "raised" || category === "open-close") return;
    const key = `${account}\0${area}\0${point}\0${draft.condition}`;
    const known = this.#stored.get(key);
    const isStored =
      known !== undefined &&
      known.lane === draft.lane &&
      known.category === category &&
      draft.acceptedAtMs - known.raisedAtMs < REFRESH_MS;
    if (isStored) return;
    this.#put.run(account, area, point, draft.condition, category, draft.lane, draft.acceptedAtMs);
    if (this.#stored.size >= CACHE_MAX) this.#stored.clear();
    this.#stored.set(key, { lane: draft.lane, category, raisedAtMs: draft.acceptedAtMs });
  }

  /** A transaction failed: what it had stored is not there. */
  rollback(): void {
    this.#stored.clear();
  }

  /** Removes raises from before `beforeMs` while there are more than are kept. */
  prune(beforeMs: number): void {
    if (this.#prune.run(beforeMs).changes > 0) this.#stored.clear();
  }
}
