import { prepareOnce } from "../../shared/sqlite/database.ts";
import type { SqliteDatabase } from "../../shared/sqlite/open.ts";

/**
 * The first n that was held at or after `sinceMs`: times rise with n, so halving finds it. Where the hub's clock was
 * set back, what was held under the times that came twice may be left out.
 */
export function firstHeldSince(db: SqliteDatabase, sinceMs: number): number {
  const range = prepareOnce<[], { first: number | null; last: number | null }>(
    db,
    "SELECT (SELECT min(n) FROM alarm) AS first, (SELECT max(n) FROM alarm) AS last",
  ).get();
  const at = prepareOnce<[number], { n: number; held_at: number }>(
    db,
    "SELECT n, held_at FROM alarm WHERE n >= ? ORDER BY n LIMIT 1",
  );
  let low = range?.first ?? 0;
  let high = (range?.last ?? -1) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = at.get(middle);
    if (row === undefined || row.held_at >= sinceMs) high = middle;
    else low = row.n + 1;
  }
  return low;
}
