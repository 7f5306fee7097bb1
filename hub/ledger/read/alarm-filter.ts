import type { Lane } from "../../../shared/alarm/priority.ts";
import { prepareOnce } from "../../../shared/sqlite/database.ts";
import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { type DeliveryState, isOwed, STATE } from "../../delivery/state.ts";
import { ACCOUNTS_UP_TO } from "../accounts.ts";
import { CONDITION } from "../conditions.ts";
import { firstHeldSince } from "../held-since.ts";
import type { AlarmState, ConditionState } from "./views.ts";

/**
 * Turns a filter into one query over the newest alarms that match.
 *
 * The ledger may hold tens of millions of alarms, and intake pays for every index. So there are few, and each query is
 * driven by the one that leaves least to look at:
 *
 *     an account with few alarms       account_alarm          (account, n), and the alarms that it lacks
 *     open, or a state that is open    alarm_open             only the open ones
 *     rejected or dead                 delivery_dead          only those
 *     an agent with few alarms         (epoch_id, seq)        sorted by n
 *     everything else                  the table, by n
 *
 * What the driver lets through is tested row by row, at most `budget` rows per page. A page that runs out of them is
 * short, and its cursor says where to go on: a rare match far back costs many cheap pages and never a long one, since
 * the hub's own work waits meanwhile.
 */
export interface AlarmFilter {
  state?: AlarmState;
  open?: boolean;
  condition?: ConditionState;
  deliveryState?: DeliveryState;
  agent?: string;
  account?: string;
  center?: string;
  lane?: Lane;
  /** Held at or after, in milliseconds since 1970. */
  sinceMs?: number;
}

export interface PlannedQuery {
  /** Selects column n, newest first. */
  sql: string;
  parameters: Record<string, string | number>;
  /** Nothing below this n was looked at; undefined if all was. */
  floorN: number | undefined;
}

/** How many rows of one account or agent are few. */
const FEW = 5_000;
const BUDGET_BY_INDEX = 10_000;
const BUDGET_BY_TABLE = 100_000;

/** Plans the page of at most `limit` alarms below number `belowN`; undefined if nothing can match. */
export function planAlarms(
  db: SqliteDatabase,
  filter: AlarmFilter,
  page: { belowN: number; limit: number },
): PlannedQuery | undefined {
  const tests: string[] = [];
  const parameters: Record<string, string | number> = { below: page.belowN, limit: page.limit };
  const epochIds = filter.agent === undefined ? undefined : epochsOf(db, filter.agent);
  const delivery = deliveryTest(db, filter);
  if (epochIds?.length === 0 || delivery === "never") return undefined;
  if (epochIds !== undefined) tests.push(`a.epoch_id IN (${epochIds.join(", ")})`);
  if (filter.account !== undefined) {
    tests.push("a.account = $account");
    parameters["account"] = filter.account;
  }
  if (filter.lane !== undefined) tests.push(`a.lane = ${filter.lane}`);
  if (filter.condition !== undefined) tests.push(`a.condition_state = ${CONDITION[filter.condition]}`);
  if (filter.sinceMs !== undefined) {
    tests.push("a.held_at >= $since");
    parameters["since"] = filter.sinceMs;
  }
  tests.push(...stateTests(filter));
  if (delivery !== undefined) tests.push(delivery);

  const driver = chooseDriver(db, filter, epochIds);
  const sinceN = filter.sinceMs === undefined ? 0 : firstHeldSince(db, filter.sinceMs);
  // With no test but the driver's own, no row is looked at in vain.
  const budgetN = tests.length > driver.answers ? driver.floorN(page.belowN) : 0;
  parameters["floor"] = Math.max(sinceN, budgetN);
  const where = ["a.n < $below", "a.n >= $floor", ...tests, ...driver.where].join(" AND ");
  return {
    sql: `SELECT a.n FROM alarm a ${driver.from} WHERE ${where} ORDER BY a.n DESC LIMIT $limit`,
    parameters,
    floorN: budgetN > sinceN ? budgetN : undefined,
  };
}

/** The newest alarms of an account in the range of the page: those that are not in the index yet, and the others. */
const ALARMS_OF_ACCOUNT =
  `SELECT n FROM alarm NOT INDEXED WHERE n > ${ACCOUNTS_UP_TO} AND n < $below AND n >= $floor AND account = $account ` +
  "UNION ALL SELECT n FROM (SELECT n FROM account_alarm WHERE account = $account AND n < $below AND n >= $floor " +
  `ORDER BY n DESC LIMIT ${BUDGET_BY_INDEX + 1})`;

interface Driver {
  from: string;
  where: string[];
  /** How many of the tests the index answers by itself. */
  answers: number;
  /** The n at which the page stops looking; 0 if it may look at all. */
  floorN(belowN: number): number;
}

function chooseDriver(db: SqliteDatabase, filter: AlarmFilter, epochIds: readonly number[] | undefined): Driver {
  const { account, deliveryState } = filter;
  const ofAccount = "account_alarm WHERE account = ?";
  if (account !== undefined && (!isOpenOnly(filter) || isFew(db, ofAccount, account))) {
    return {
      from: "",
      where: [`a.n IN (${ALARMS_OF_ACCOUNT})`],
      answers: 1,
      floorN: (belowN) => nthBelow(db, ofAccount, [account], belowN),
    };
  }
  if (epochIds !== undefined && isFew(db, `alarm WHERE epoch_id IN (${epochIds.join(", ")})`)) {
    return { from: "INDEXED BY sqlite_autoindex_alarm_1", where: [], answers: 1, floorN: () => 0 };
  }
  if (deliveryState === "dead" || deliveryState === "rejected") {
    const ended = "delivery INDEXED BY delivery_dead WHERE state IN (5, 6)";
    return {
      from: "",
      where: [`a.n IN (SELECT n FROM ${ended} AND n < $below AND n >= $floor)`],
      answers: 0,
      floorN: (belowN) => nthBelow(db, ended, [], belowN),
    };
  }
  if (isOpenOnly(filter)) {
    return {
      from: "INDEXED BY alarm_open",
      where: ["a.closed_at IS NULL"],
      answers: filter.open === true ? 1 : 0,
      floorN: (belowN) => nthBelow(db, "alarm INDEXED BY alarm_open WHERE closed_at IS NULL", [], belowN),
    };
  }
  const lastN = statement<{ n: number | null }>(db, "SELECT max(n) AS n FROM alarm").get()?.n ?? 0;
  return {
    from: "NOT INDEXED",
    where: [],
    answers: 0,
    floorN: (belowN) => Math.max(0, Math.min(belowN, lastN + 1) - BUDGET_BY_TABLE),
  };
}

/** True if only open alarms can match. What is owed to a center keeps its alarm open. */
function isOpenOnly({ open, state, deliveryState }: AlarmFilter): boolean {
  if (open === true || state === "unacknowledged" || state === "acknowledged") return true;
  return deliveryState !== undefined && deliveryState !== "acknowledged" && isOwed(deliveryState, { received: false });
}

function stateTests({ open, state }: AlarmFilter): string[] {
  const tests: string[] = [];
  if (open === true) tests.push("a.closed_at IS NULL");
  if (open === false) tests.push("a.closed_at IS NOT NULL");
  if (state === "closed") tests.push("a.closed_at IS NOT NULL");
  if (state === "acknowledged") tests.push("a.closed_at IS NULL", "a.acknowledged_at IS NOT NULL");
  if (state === "unacknowledged") tests.push("a.closed_at IS NULL", "a.acknowledged_at IS NULL");
  return tests;
}

/** An alarm has one delivery per center, at (center, lane, n); `never` if the center is not known. */
function deliveryTest(db: SqliteDatabase, { center, deliveryState }: AlarmFilter): string | "never" | undefined {
  if (center === undefined && deliveryState === undefined) return undefined;
  let centers = "SELECT id FROM center";
  if (center !== undefined) {
    const id = statement<{ id: number }>(db, "SELECT id FROM center WHERE name = ?").get(center)?.id;
    if (id === undefined) return "never";
    centers = String(id);
  }
  const state = deliveryState === undefined ? "" : ` AND d.state = ${STATE[deliveryState]}`;
  return `EXISTS (SELECT 1 FROM delivery d WHERE d.center_id IN (${centers}) AND d.lane = a.lane AND d.n = a.n${state})`;
}

function epochsOf(db: SqliteDatabase, agent: string): number[] {
  const sql = "SELECT e.id FROM epoch e JOIN agent g ON g.id = e.agent_id WHERE g.name = ?";
  return statement<{ id: number }>(db, sql)
    .all(agent)
    .map((row) => row.id);
}

function isFew(db: SqliteDatabase, from: string, ...parameters: string[]): boolean {
  const sql = `SELECT count(*) AS found FROM (SELECT 1 FROM ${from} LIMIT ${FEW + 1})`;
  return (statement<{ found: number }>(db, sql).get(...parameters)?.found ?? 0) <= FEW;
}

/** The n of the row that is `BUDGET_BY_INDEX` rows below `belowN` in an index; 0 if there are not so many. */
function nthBelow(db: SqliteDatabase, from: string, parameters: string[], belowN: number): number {
  const sql = `SELECT n FROM ${from} AND n < ? ORDER BY n DESC LIMIT 1 OFFSET ${BUDGET_BY_INDEX}`;
  return statement<{ n: number }>(db, sql).get(...parameters, belowN)?.n ?? 0;
}

function statement<Row>(db: SqliteDatabase, sql: string) {
  return prepareOnce<(string | number)[], Row>(db, sql);
}
