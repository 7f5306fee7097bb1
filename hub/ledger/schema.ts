import type { Migration } from "../../shared/sqlite/open.ts";
import { logMarksMigration } from "./schema-marks.ts";
import { ownAlarmsMigration } from "./schema-own.ts";

/**
 * The ledger. Rows that change (`alarm`, `delivery`) are kept small and apart from what never changes (`body`).
 *
 * - `alarm.n` is the order in which alarms came to be held; it is never given twice.
 * - `delivery` is ordered by center, lane and n, which makes the table itself the outbox: everything above the
 *   `lane_cursor` of a center waits to be dispatched, everything below has been, and a page of it is one range.
 * - `frame` has a row per frame in DELIVERIES that somebody still owes an answer for.
 * - `change` is what agents are told, numbered per agent; its key is also the id of a server-sent event.
 * - `account_alarm` leads from an account to its alarms, but for the last few thousand.
 * - `reserve` holds the room that the times of dispatch, reception, settling and closing will take. A row that grows
 *   splits the full page that it lies in, and moves others; and after a split every commit looks through the whole
 *   page cache once (pcache1Truncate). With it the fold takes 3 to 8 % less CPU per alarm.
 * - `seen` are the sequence numbers that were held, per epoch, for ever: deduplication, and where the holes are.
 * - `run` has a row per start of the hub: the changes from above `after_event` on were made in it, or later.
 */
export const ledgerMigrations: readonly Migration[] = [
  {
    name: "the ledger",
    sql: `
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

      CREATE TABLE position (
        log TEXT NOT NULL, lane INTEGER NOT NULL,
        stream_created_at TEXT NOT NULL, seq INTEGER NOT NULL, message_at TEXT NOT NULL,
        PRIMARY KEY (log, lane)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE agent (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        change_n INTEGER NOT NULL DEFAULT 0, confirmed_n INTEGER NOT NULL DEFAULT 0,
        first_seen_at INTEGER NOT NULL, presence TEXT
      ) STRICT;
      CREATE TABLE epoch (
        id INTEGER PRIMARY KEY, agent_id INTEGER NOT NULL REFERENCES agent (id), name TEXT NOT NULL,
        UNIQUE (agent_id, name)
      ) STRICT;
      CREATE TABLE seen (
        epoch_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        PRIMARY KEY (epoch_id, first_seq)
      ) STRICT, WITHOUT ROWID;

      -- Versions of the routing; effective_after says from which alarm on each one counts.
      CREATE TABLE config (
        version INTEGER PRIMARY KEY, body TEXT NOT NULL, effective_after TEXT NOT NULL, published_at INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE center (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
      -- One row per distinct way that alarms were routed; centers is a JSON array of names.
      CREATE TABLE route (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, centers TEXT NOT NULL, required INTEGER NOT NULL,
        UNIQUE (name, centers, required)
      ) STRICT;

      CREATE TABLE alarm (
        n INTEGER PRIMARY KEY,
        epoch_id INTEGER NOT NULL, seq INTEGER NOT NULL, lane INTEGER NOT NULL,
        category TEXT NOT NULL, event TEXT NOT NULL, account TEXT, point TEXT NOT NULL,
        route_id INTEGER NOT NULL REFERENCES route (id),
        test INTEGER NOT NULL, relayed_again INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL, held_at INTEGER NOT NULL,
        condition_state INTEGER NOT NULL,           -- 0 none, 1 raised, 2 cleared
        cleared_at INTEGER,
        needed INTEGER NOT NULL,                    -- receptions still missing until the route is satisfied
        owed INTEGER NOT NULL,                      -- deliveries that have not ended yet
        must_acknowledge INTEGER NOT NULL,          -- somebody has to take responsibility before it can close
        settled_at INTEGER,
        acknowledged_at INTEGER, acknowledged_by INTEGER, operator TEXT, note TEXT,  -- the first acknowledgment
        closed_at INTEGER,
        UNIQUE (epoch_id, seq)
      ) STRICT;
      CREATE INDEX alarm_open ON alarm (n) WHERE closed_at IS NULL;
      CREATE INDEX alarm_account ON alarm (account, n) WHERE account IS NOT NULL;
      CREATE TABLE body (n INTEGER PRIMARY KEY, alarm TEXT NOT NULL) STRICT;

      CREATE TABLE delivery (
        center_id INTEGER NOT NULL, lane INTEGER NOT NULL, n INTEGER NOT NULL,
        state INTEGER NOT NULL,                     -- hub/delivery/state.ts
        attempt INTEGER NOT NULL,                   -- dispatches so far
        frame_seq INTEGER,                          -- where in DELIVERIES its last dispatch lies
        dispatched_at INTEGER, received_at INTEGER, acknowledged_at INTEGER,
        operator TEXT, note TEXT, reason TEXT,
        due_at INTEGER,                             -- when to dispatch it again, alone
        PRIMARY KEY (center_id, lane, n)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX delivery_due ON delivery (center_id, lane, due_at) WHERE due_at IS NOT NULL;
      CREATE INDEX delivery_dead ON delivery (n) WHERE state IN (5, 6);
      CREATE TABLE lane_cursor (
        center_id INTEGER NOT NULL, lane INTEGER NOT NULL, n INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        PRIMARY KEY (center_id, lane)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE frame (
        center_id INTEGER NOT NULL, lane INTEGER NOT NULL, frame_seq INTEGER NOT NULL,
        ordinal INTEGER NOT NULL, first_n INTEGER NOT NULL, last_n INTEGER NOT NULL,
        owed INTEGER NOT NULL, dispatched_at INTEGER NOT NULL,
        PRIMARY KEY (center_id, lane, frame_seq)
      ) STRICT, WITHOUT ROWID;

      -- The last raise of each alarm point whose condition stands.
      CREATE TABLE raised (
        agent_id INTEGER NOT NULL, account TEXT NOT NULL, area TEXT NOT NULL, point TEXT NOT NULL,
        condition TEXT NOT NULL, category TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (agent_id, account, area, point, condition)
      ) STRICT, WITHOUT ROWID;

      -- What the columns of alarm and delivery cannot tell: failures, refusals, repeats, each with its time.
      CREATE TABLE history (
        id INTEGER PRIMARY KEY, n INTEGER NOT NULL, at INTEGER NOT NULL,
        center_id INTEGER, kind TEXT NOT NULL, detail TEXT NOT NULL
      ) STRICT;
      CREATE INDEX history_n ON history (n);

      CREATE TABLE change (
        event INTEGER PRIMARY KEY AUTOINCREMENT,
        agent_id INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX change_n ON change (agent_id, n);

      -- What lay in a log and could not be read: kept, with its reason, and everything behind it went on.
      CREATE TABLE fault (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, log TEXT NOT NULL, seq INTEGER NOT NULL,
        subject TEXT NOT NULL, reason TEXT NOT NULL, payload TEXT NOT NULL
      ) STRICT;

      -- Receipts for alarms that the ledger does not know (yet): applied when the agent relays them again.
      CREATE TABLE early_receipt (
        id INTEGER PRIMARY KEY, agent TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
        center TEXT NOT NULL, body TEXT NOT NULL
      ) STRICT;
      CREATE INDEX early_receipt_alarm ON early_receipt (agent, epoch, seq);
    `,
  },
  ownAlarmsMigration,
  {
    name: "the runs of the hub",
    sql: `
      CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, after_event INTEGER NOT NULL) STRICT;
      -- All that was told before there were runs, without a name.
      INSERT INTO run VALUES (0, '', 0);
    `,
  },
  logMarksMigration,
  {
    name: "the index of accounts, apart",
    sql: `
      DROP INDEX alarm_account;
      CREATE TABLE account_alarm (
        account TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (account, n)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO account_alarm SELECT account, n FROM alarm WHERE account IS NOT NULL ORDER BY account, n;
      INSERT INTO meta SELECT 'accounts_up_to', coalesce(max(n), 0) FROM alarm;
    `,
  },
  {
    name: "rows that keep their size",
    sql: `
      ALTER TABLE alarm ADD COLUMN reserve BLOB;
      ALTER TABLE delivery ADD COLUMN reserve BLOB;
    `,
  },
];
