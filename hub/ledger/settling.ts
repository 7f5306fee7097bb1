import { RESERVE } from "./reserve.ts";

/** An alarm after its counts were taken down: its number, when it was accepted, and 1 if this is what settled it. */
export type CountedAlarm = [n: number, acceptedAtMs: number, settledNow: 0 | 1];

/**
 * SQL that takes `needed` receptions and `owed` deliveries off the counts of alarms, and settles and closes those to
 * which nothing more is owed. An alarm closes once every delivery has ended, its condition does not stand and somebody
 * has taken responsibility where one must. `$at` is the time of settling and of closing. Rows are CountedAlarms if
 * they are read raw: an object per row would take as long as the update itself.
 */
export function countSql({ needed, owed, where }: { needed: string; owed: string; where: string }): string {
  return (
    `UPDATE alarm SET needed = needed - ${needed}, owed = owed - ${owed}, ` +
    `reserve = CASE WHEN owed - ${owed} <= 0 THEN NULL WHEN needed - ${needed} <= 0 THEN ${RESERVE.untilClosed} ELSE reserve END, ` +
    `settled_at = CASE WHEN settled_at IS NULL AND (needed - ${needed} <= 0 OR owed - ${owed} <= 0) ` +
    `THEN $at ELSE settled_at END, ` +
    `closed_at = CASE WHEN owed - ${owed} > 0 THEN NULL WHEN closed_at IS NULL AND condition_state <> 1 ` +
    `AND (must_acknowledge = 0 OR acknowledged_at IS NOT NULL) THEN $at ELSE closed_at END ` +
    `WHERE ${where} ` +
    // What was satisfied before has a time of settling already, which may be the same.
    `RETURNING n, accepted_at, settled_at IS $at AND needed + ${needed} > 0 AND owed + ${owed} > 0`
  );
}
