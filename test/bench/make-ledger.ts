import { join } from "node:path";
import { LEDGER_FILE } from "../../hub/ledger/ledger.ts";
import { ledgerMigrations } from "../../hub/ledger/schema.ts";
import { openSqlite } from "../../shared/sqlite/open.ts";
import { preparedFolder } from "./prepared.ts";

// A ledger as it is after months, written with SQL: through the hub ten million alarms would take a quarter of an hour.
// The same count always makes the same ledger.
//
// - 1,000 agents `site-<i>` in turn, each with one epoch; 5,000 accounts with about as many alarms each, and a big one
//   that has one alarm in a hundred.
// - One alarm in a hundred is open: a raise whose condition stands, which the center has received and for which nobody
//   has taken responsibility. The others are status messages, received and closed.
// - Of the newest twentieth the changes are kept.

export const CENTER = "arc-1";
export const BIG_ACCOUNT = "big";
const AGENTS = 1_000;
const ACCOUNTS = 5_000;
const ALARMS_PER_TRANSACTION = 200_000;
const LAST_HELD_MS = Date.parse("2026-11-01T00:00:00.000Z");
const EVERY_MS = 2_000;

/** What a hub's configuration needs so that none of these alarms is too old to be kept. */
export const KEEPING_ALL = { keepClosed: "36500d" };

/** The folder of a hub whose ledger holds `count` alarms. */
export function preparedLedger(count: number): Promise<string> {
  const what = { name: `ledger-${count}`, schema: ledgerMigrations, version: 1 };
  return preparedFolder(what, (dir) => makeLedger(dir, count));
}

/** The id of the alarm with number `n`. */
export function idOf(n: number): string {
  return `site-${((n - 1) % AGENTS) + 1}.e1.${Math.floor((n - 1) / AGENTS) + 1}`;
}

/** One of the accounts with few alarms. */
export function accountOf(i: number): string {
  return String(1_000 + (i % ACCOUNTS));
}

/** Writes a ledger of `count` alarms, some thousands for all agents together, into `dir`. */
export function makeLedger(dir: string, count: number): void {
  const db = openSqlite({ path: join(dir, LEDGER_FILE), migrations: ledgerMigrations, cachePages: 100_000 });
  // Until it is whole nobody relies on it.
  db.pragma("synchronous = OFF");
  const perAgent = Math.ceil(count / AGENTS);
  for (const sql of NAMES_SQL) db.prepare(sql).run({ count, perAgent });
  const inserts = ALARMS_SQL.map((sql) => db.prepare(sql));
  const addMany = db.transaction((first: number, last: number) => {
    for (const insert of inserts) insert.run({ first, last, beginMs: LAST_HELD_MS - count * EVERY_MS });
  });
  for (let first = 1; first <= count; first += ALARMS_PER_TRANSACTION) {
    addMany.immediate(first, Math.min(count, first + ALARMS_PER_TRANSACTION - 1));
  }
  db.prepare(CHANGES_SQL).run({
    first: Math.floor(count * 0.95),
    last: count,
    beginMs: LAST_HELD_MS - count * EVERY_MS,
  });
  db.pragma("synchronous = FULL");
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}

const EACH_AGENT = `WITH RECURSIVE each (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < ${AGENTS})`;

const NAMES_SQL = [
  `INSERT INTO center VALUES (1, '${CENTER}')`,
  `INSERT INTO route VALUES (1, 'default', '["${CENTER}"]', 1)`,
  "UPDATE meta SET value = $count WHERE key = 'accounts_up_to'",
  "INSERT INTO lane_cursor SELECT 1, value, $count, 1 FROM json_each('[0, 1, 2, 3]')",
  `${EACH_AGENT} INSERT INTO agent (id, name, change_n, confirmed_n, first_seen_at)
     SELECT i, 'site-' || i, $perAgent, $perAgent, 0 FROM each`,
  `${EACH_AGENT} INSERT INTO epoch (id, agent_id, name) SELECT i, i, 'e1' FROM each`,
  // Where the last round of agents is not complete, some are said to have been seen that are not there.
  `${EACH_AGENT} INSERT INTO seen SELECT i, 1, $perAgent FROM each`,
] as const;

/** The alarms from $first to $last, one row each. */
const EACH_ALARM = `
  WITH RECURSIVE number (n) AS (SELECT CAST($first AS INTEGER) UNION ALL SELECT n + 1 FROM number WHERE n < $last),
  drawn AS (
    SELECT n, (n - 1) % ${AGENTS} + 1 AS agent, (n - 1) / ${AGENTS} + 1 AS seq,
      CASE WHEN n % 50 = 7 THEN 0 WHEN n % 10 = 3 THEN 1 WHEN n % 5 = 1 THEN 2 ELSE 3 END AS lane,
      n % 100 = n / 100 % 100 AS open, $beginMs + n * ${EVERY_MS} AS held_at,
      CASE WHEN n % 100 = 99 THEN '${BIG_ACCOUNT}' ELSE CAST(1000 + n * 7919 % ${ACCOUNTS} AS TEXT) END AS account
    FROM number),
  each AS (
    SELECT *, json_extract('["fire","intrusion","technical","other"]', '$[' || lane || ']') AS category,
      json_extract('["critical","high","medium","low"]', '$[' || lane || ']') AS priority,
      iif(open, 'raised', 'status') AS event, iif(open, 'door-' || n, 'zone-' || (n % 64)) AS point,
      strftime('%Y-%m-%dT%H:%M:%fZ', held_at / 1000.0, 'unixepoch') AS at
    FROM drawn)`;

const ALARMS_SQL = [
  `${EACH_ALARM} INSERT INTO alarm (n, epoch_id, seq, lane, category, event, account, point, route_id, test, relayed_again,
      accepted_at, held_at, condition_state, needed, owed, must_acknowledge, settled_at, closed_at)
    SELECT n, agent, seq, lane, category, event, account, point, 1, 0, 0, held_at, held_at, open, 0, 0, open,
      held_at + 30, iif(open, NULL, held_at + 30) FROM each`,
  `${EACH_ALARM} INSERT INTO account_alarm SELECT account, n FROM each ORDER BY account, n`,
  `${EACH_ALARM} INSERT INTO body SELECT n, printf(
      '{"id":"site-%d.e1.%d","priority":"%s","agent":"site-%d","account":"%s","area":"1","point":"%s","category":"%s",' ||
      '"code":"XX","text":"Detector in the pump room, ground floor","condition":"XX","event":"%s","occurredAt":"%s",' ||
      '"acceptedAt":"%s","heldAt":"%s","late":false,"ageMs":0}',
      agent, seq, priority, agent, account, point, category, event, at, at, at) FROM each`,
  `${EACH_ALARM} INSERT INTO delivery (center_id, lane, n, state, attempt, dispatched_at, received_at)
    SELECT 1, lane, n, 2, 1, held_at + 5, held_at + 30 FROM each ORDER BY lane, n`,
  `${EACH_ALARM} INSERT INTO raised (agent_id, account, area, point, condition, category, n)
    SELECT agent, account, '1', point, 'XX', category, n FROM each WHERE open`,
] as const;

const CHANGES_SQL = `${EACH_ALARM} INSERT INTO change (agent_id, n, at, body) SELECT agent, seq, held_at + 30, printf(
    '{"n":%d,"kind":"received","center":"${CENTER}","at":"%s","ids":[["e1",%d,%d]]}', seq, at, seq, seq) FROM each`;
