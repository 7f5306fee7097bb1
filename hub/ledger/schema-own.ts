import type { Migration } from "../../shared/sqlite/open.ts";

/**
 * What the hub has to say by itself, and what it judges gateways by.
 *
 * - `own_alarm` is the outbox of the hub's own alarms: written with what they tell, removed once they are held.
 * - `notice` keeps for each kind and subject when it was told last, and what waits to be told together.
 * - `epoch` remembers what agents declare; below `base_seq` this ledger cannot know what an older one had held.
 * - `lost_range` is what agents say they had to give up; `gap` is what was told as missing without an explanation.
 * - `log_mark` says for some places of ALARMS how far the alarms up to there are numbered; a later one replaces it.
 */
export const ownAlarmsMigration: Migration = {
  name: "the hub's own alarms",
  sql: `
    CREATE TABLE own_alarm (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL, lane INTEGER NOT NULL, alarm TEXT NOT NULL
    ) STRICT;
    CREATE TABLE notice (
      kind TEXT NOT NULL, subject TEXT NOT NULL, told_at INTEGER NOT NULL,
      waiting INTEGER NOT NULL DEFAULT 0, body TEXT, names TEXT NOT NULL DEFAULT '',
      PRIMARY KEY (kind, subject)
    ) STRICT, WITHOUT ROWID;

    ALTER TABLE agent ADD COLUMN base_ledger TEXT;
    ALTER TABLE epoch ADD COLUMN first_seq INTEGER;
    ALTER TABLE epoch ADD COLUMN last_seq INTEGER;
    ALTER TABLE epoch ADD COLUMN base_seq INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE epoch ADD COLUMN told INTEGER NOT NULL DEFAULT 0;   -- it was told that the gateway has lost it
    CREATE TABLE lost_range (
      epoch_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
      PRIMARY KEY (epoch_id, first_seq, last_seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE gap (
      epoch_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, told_at INTEGER NOT NULL,
      PRIMARY KEY (epoch_id, first_seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE log_mark (
      lane INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL,
      PRIMARY KEY (lane, seq)
    ) STRICT, WITHOUT ROWID;
  `,
};
