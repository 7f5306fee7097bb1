import { LANES } from "../../shared/alarm/priority.ts";
import type { Migration } from "../../shared/sqlite/open.ts";
import { laneAlarmsSubject } from "../../shared/wire/subjects.ts";

/**
 * Marks for all three logs instead of ALARMS only: `log_mark` says for some places of what `filter` names (a lane of
 * ALARMS, RECEIPTS, a kind of decision) that what lies there up to `seq` was stored until `at`, and is about nothing
 * with a number above `n`.
 */
export const logMarksMigration: Migration = {
  name: "marks of all logs",
  sql: `
    ALTER TABLE log_mark RENAME TO lane_mark;
    CREATE TABLE log_mark (
      filter TEXT NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL,
      PRIMARY KEY (filter, seq)
    ) STRICT, WITHOUT ROWID;
    ${LANES.map(
      (lane) =>
        `INSERT INTO log_mark SELECT '${laneAlarmsSubject(lane)}', seq, n, 0 FROM lane_mark WHERE lane = ${lane};`,
    ).join("\n    ")}
    DROP TABLE lane_mark;
  `,
};
