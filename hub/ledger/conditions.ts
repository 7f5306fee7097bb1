import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** Whether the condition behind an alarm stands: what the ledger keeps in `condition_state`. */
export const CONDITION = { none: 0, raised: 1, cleared: 2 } as const;

type PointKey = [agentId: number, account: string, area: string, point: string];

/**
 * Pairs clears with raises. Each alarm point (agent, account, area, point, condition) has at most one standing raise:
 * a newer raise takes the condition over from the one before, a clear ends it. A clear that names neither condition
 * nor code ends every standing raise of its point and category.
 */
export class Conditions {
  readonly #standing: Statement<[...PointKey, string, number, string], { n: number }>;
  readonly #before: Statement<[...PointKey, string], { n: number }>;
  readonly #raise: Statement<[...PointKey, string, string, number]>;
  readonly #drop: Statement<[...PointKey, string, number, string]>;
  readonly #end: Statement<[number, number | null, number, number]>;
  readonly #writeRows: () => void;

  /** `writeRows` writes the alarms that are held but not in their table yet: one of them may be a raise that ends. */
  constructor(db: SqliteDatabase, writeRows: () => void) {
    this.#writeRows = writeRows;
    const point = "agent_id = ? AND account = ? AND area = ? AND point = ?";
    const cleared = `${point} AND (condition = ? OR (? AND category = ?))`;
    this.#standing = db.prepare(`SELECT n FROM raised WHERE ${cleared} ORDER BY n`) as Statement<
      [...PointKey, string, number, string],
      { n: number }
    >;
    this.#before = db.prepare(`SELECT n FROM raised WHERE ${point} AND condition = ?`) as Statement<
      [...PointKey, string],
      { n: number }
    >;
    this.#raise = db.prepare(
      "INSERT OR REPLACE INTO raised (agent_id, account, area, point, condition, category, n) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#drop = db.prepare(`DELETE FROM raised WHERE ${cleared}`);
    // A raise whose condition has ended closes if nothing else keeps it open.
    this.#end = db.prepare(
      "UPDATE alarm SET condition_state = ?, cleared_at = ?, closed_at = CASE WHEN closed_at IS NULL AND owed <= 0 " +
        "AND (must_acknowledge = 0 OR acknowledged_at IS NOT NULL) THEN ? ELSE closed_at END " +
        "WHERE n = ? AND condition_state = 1",
    );
  }

  /** The standing raises that `alarm`, a clear, ends, oldest first. */
  endedBy(agentId: number, alarm: Alarm): number[] {
    return this.#standing.all(...pointKey(agentId, alarm), ...clearKey(alarm)).map((row) => row.n);
  }

  /** Notes a clear: the raises that it ends are cleared. */
  clear(agentId: number, alarm: Alarm, raises: readonly number[], atMs: number): void {
    for (const n of raises) this.#endRaise(n, CONDITION.cleared, atMs, atMs);
    if (raises.length > 0) this.#drop.run(...pointKey(agentId, alarm), ...clearKey(alarm));
  }

  /** Notes a raise under number `n`: it takes the condition of its point over from the raise before. */
  raise(agentId: number, alarm: Alarm, n: number, atMs: number): void {
    const key = pointKey(agentId, alarm);
    const before = this.#before.get(...key, alarm.condition);
    if (before !== undefined) this.#endRaise(before.n, CONDITION.none, null, atMs);
    this.#raise.run(...key, alarm.condition, alarm.category, n);
  }

  #endRaise(n: number, state: number, clearedAtMs: number | null, atMs: number): void {
    this.#writeRows();
    this.#end.run(state, clearedAtMs, atMs, n);
  }
}

function pointKey(agentId: number, alarm: Alarm): PointKey {
  return [agentId, alarm.account ?? "", alarm.area ?? "", alarm.point];
}

function clearKey(alarm: Alarm): [condition: string, wholeCategory: number, category: string] {
  // The agent fills the condition in; it equals the category where the report named neither condition nor code.
  const wholeCategory = alarm.code === undefined && alarm.condition === alarm.category;
  return [alarm.condition, wholeCategory ? 1 : 0, alarm.category];
}
