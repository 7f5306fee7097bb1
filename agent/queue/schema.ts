import type { Migration } from "../../shared/sqlite/open.ts";

/**
 * The queue at the edge. What changes (`alarm`, some 60 bytes a row) lies apart from what never does (`body`), so that
 * a stage of 512 alarms dirties a dozen pages and not the hundreds that their text fills.
 *
 * - `alarm.seq` continues for the life of the file. Its epoch is not stored: epochs follow one another, so the seq
 *   tells it.
 * - `alarm.stage` is the highest stage reached (0 accepted, 1 relayed, 2 held, 3 settled); the times tell each.
 * - `alarm.stream_*` say where its last PubAck placed it, `ledger_n` which of the hub's ledgers holds it.
 * - `alarm.*_hash` narrow a look-up by account or point down to few rows: a scan of a million takes 0.1 s. An index on
 *   the points themselves would dirty a page per alarm, which halves the rate of accepting.
 * - `delivery` has a row only once there is something to tell; until then the centers of `route` are pending.
 * - `change_key` holds the digests of what the last message under a key said, one after the other.
 * - `raise` is the last raise of each alarm point: a clear takes its lane.
 */
export const queueMigrations: readonly Migration[] = [
  {
    name: "the queue",
    sql: `
      CREATE TABLE epoch (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, started_at INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE alarm (
        seq INTEGER PRIMARY KEY,
        lane INTEGER NOT NULL, stage INTEGER NOT NULL, bytes INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL, relayed_at INTEGER, held_at INTEGER, settled_at INTEGER,
        stream_id INTEGER, stream_seq INTEGER,
        relays INTEGER NOT NULL,                    -- PubAcks so far
        ledger_n INTEGER, route_id INTEGER,
        account_hash INTEGER NOT NULL, point_hash INTEGER NOT NULL,
        aside INTEGER NOT NULL                      -- 1: cannot be relayed, set aside with a reason in quarantine
      ) STRICT;
      CREATE INDEX alarm_lane ON alarm (lane);
      CREATE INDEX alarm_aside ON alarm (seq) WHERE aside = 1;
      CREATE TABLE body (
        seq INTEGER PRIMARY KEY, account TEXT, point TEXT NOT NULL, report_id TEXT, alarm TEXT NOT NULL
      ) STRICT;
      CREATE INDEX body_report_id ON body (report_id) WHERE report_id IS NOT NULL;

      CREATE TABLE center (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
      CREATE TABLE route (id INTEGER PRIMARY KEY, centers TEXT NOT NULL UNIQUE) STRICT;
      CREATE TABLE delivery (
        seq INTEGER NOT NULL, center_id INTEGER NOT NULL,
        state INTEGER NOT NULL,                     -- agent/queue/delivery-states.ts
        received_at INTEGER, acknowledged_at INTEGER, operator TEXT, note TEXT, reason TEXT,
        PRIMARY KEY (seq, center_id)
      ) STRICT, WITHOUT ROWID;

      -- How far the hub's numbered changes have been applied: one row.
      CREATE TABLE custody (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ledger TEXT NOT NULL, ledger_n INTEGER NOT NULL, change_n INTEGER NOT NULL
      ) STRICT;
      INSERT INTO custody VALUES (1, '', 0, 0);
      -- The streams that ALARMS has been; the newest is the one that PubAcks come from now.
      CREATE TABLE stream (id INTEGER PRIMARY KEY, created_at TEXT NOT NULL) STRICT;
      INSERT INTO stream VALUES (1, '');

      CREATE TABLE raise (
        account TEXT NOT NULL, area TEXT NOT NULL, point TEXT NOT NULL, condition TEXT NOT NULL,
        category TEXT NOT NULL, lane INTEGER NOT NULL, raised_at INTEGER NOT NULL,
        PRIMARY KEY (account, area, point, condition)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE report_id (
        account TEXT NOT NULL, point TEXT NOT NULL, report_id TEXT NOT NULL, digest BLOB NOT NULL,
        seq INTEGER NOT NULL, accepted_at INTEGER NOT NULL,
        PRIMARY KEY (account, point, report_id, digest)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX report_id_age ON report_id (accepted_at);
      CREATE TABLE change_key (
        key TEXT PRIMARY KEY, digests BLOB NOT NULL, changed_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      -- Payloads and alarms that could not be used. Their number only rises.
      CREATE TABLE quarantine (
        n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
        input TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL,
        reported INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX quarantine_unreported ON quarantine (n) WHERE reported = 0;
      -- What is lost: runs of seqs that had to go before the hub held them (of one lane), or that a damaged file held.
      CREATE TABLE loss (
        id INTEGER PRIMARY KEY, reason TEXT NOT NULL, lane INTEGER,
        first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        told_by INTEGER                             -- the seq of the alarm that tells of it
      ) STRICT;
      CREATE INDEX loss_told_by ON loss (told_by);
      CREATE TABLE evicted (lane INTEGER PRIMARY KEY, alarms INTEGER NOT NULL) STRICT;
      -- Files that were set aside as damaged, with what became of their alarms.
      CREATE TABLE damage (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
        saved INTEGER NOT NULL, rebuilt INTEGER NOT NULL, lost INTEGER NOT NULL, parts TEXT NOT NULL,
        told_by INTEGER
      ) STRICT;
    `,
  },
  {
    name: "the run of the hub",
    sql: `
      ALTER TABLE custody ADD COLUMN run TEXT NOT NULL DEFAULT '';
      -- In which run the numbers so far were given is not known: the hub is asked for everything once more.
      UPDATE custody SET ledger = '', change_n = 0;
    `,
  },
];
