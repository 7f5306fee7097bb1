import { expect, test } from "vitest";
import type { AlarmFilter } from "../../../hub/ledger/read/alarm-filter.ts";
import { AlarmReads } from "../../../hub/ledger/read/alarms.ts";
import type { EventPosition } from "../../../hub/ledger/read/events.ts";
import type { LedgerReader } from "../../../hub/ledger/read/reader.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import { openSqliteReader } from "../../../shared/sqlite/read.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { type LedgerFixture, ledgerFixture, T0 } from "./ledger-fixture.ts";

function seqs(reader: LedgerReader, filter: AlarmFilter): number[] {
  return reader.alarms(filter, { limit: 100 }).items.map(({ id }) => Number(id.split(".")[2]));
}

/** Alarms in every situation that a filter can ask for. */
async function situations(): Promise<LedgerFixture> {
  const fixture = ledgerFixture([
    { name: "north", match: { account: ["2*"] }, deliver: { to: ["arc-north"], require: 1 }, continue: false },
    { name: "openings", match: { category: ["open-close"] }, deliver: "none", continue: false },
  ]);
  const { hold, dispatch, happen } = fixture;
  const one = await hold({ seq: 1, account: "1001", category: "fire" });
  const two = await hold({ seq: 2, account: "2001" });
  await hold({ seq: 3, category: "open-close" });
  await hold({ seq: 4, account: "1001", category: "fire", event: "cleared", point: "zone-1" });
  await hold({ seq: 5, account: "1002", agent: "gw-2" });
  const six = await hold({ seq: 6, account: "1002", category: "technical" });
  await dispatch("arc-north");
  await happen("received", "arc-north", [one, two]);
  await happen("acknowledged", "arc-north", [one], { operator: "kim", note: "guard sent", atMs: T0 + 210_000 });
  await happen("failed", "arc-north", [six], { reason: "disk full" });
  await happen("rejected", "arc-south", [six], { reason: "not ours" });
  return fixture;
}

test.each<[string, AlarmFilter, number[]]>([
  ["everything, newest first", {}, [6, 5, 4, 3, 2, 1]],
  ["open", { open: true }, [6, 5, 4, 2, 1]],
  ["closed by open=false", { open: false }, [3]],
  ["closed", { state: "closed" }, [3]],
  ["acknowledged", { state: "acknowledged" }, [1]],
  ["unacknowledged", { state: "unacknowledged" }, [6, 5, 4, 2]],
  ["cleared", { condition: "cleared" }, [1]],
  ["raised", { condition: "raised" }, [6, 5, 2]],
  ["no condition", { condition: "none" }, [4, 3]],
  ["an account", { account: "1001" }, [4, 1]],
  ["an account, open and raised", { account: "1002", open: true, condition: "raised" }, [6, 5]],
  ["an agent", { agent: "gw-2" }, [5]],
  ["an agent that is not known", { agent: "gw-9" }, []],
  ["a center", { center: "arc-south" }, [6, 5, 4, 1]],
  ["a center that is not known", { center: "arc-east" }, []],
  ["a lane", { lane: 0 }, [4, 1]],
  ["received", { deliveryState: "received" }, [2]],
  ["pending", { deliveryState: "pending" }, [5, 4, 1]],
  ["dispatched at a center", { deliveryState: "dispatched", center: "arc-north" }, [5, 4]],
  ["failed", { deliveryState: "failed" }, [6]],
  ["rejected", { deliveryState: "rejected" }, [6]],
  ["rejected by a center that has not", { deliveryState: "rejected", center: "arc-north" }, []],
  ["dead", { deliveryState: "dead" }, []],
  ["since", { sinceMs: T0 + 5_000 }, [6, 5]],
  ["since, of an account", { sinceMs: T0 + 2_000, account: "1001" }, [4]],
  ["since the future", { sinceMs: T0 + 1e9 }, []],
])("lists %s", async (_, filter, expected) => {
  const { reader } = await situations();
  expect(seqs(reader, filter)).toEqual(expected);
});

// Whatever was ever prepared is kept as long as the process lives.
test("a list that is asked for again is prepared once", async () => {
  const { ledger } = await situations();
  const db = openSqliteReader(ledger.path);
  whenTestFinished(() => {
    db.close();
  });
  const prepare = db.prepare.bind(db);
  const texts: string[] = [];
  db.prepare = ((text: string) => {
    texts.push(text);
    return prepare(text);
  }) as typeof db.prepare;
  const alarms = new AlarmReads(db);
  for (const account of ["1001", "1002", "2001"]) alarms.list({ account, open: true }, { limit: 10 });
  expect(texts).toEqual([...new Set(texts)]);
});

test("pages by cursor, without repeating or leaving out", async () => {
  const { reader, hold } = ledgerFixture();
  for (let seq = 1; seq <= 25; seq++) await hold({ seq, account: seq % 5 === 0 ? "5" : "1" });
  const pages: number[][] = [];
  let cursor: string | undefined;
  do {
    const page = reader.alarms({ account: "1" }, { limit: 7, cursor });
    pages.push(page.items.map(({ id }) => Number(id.split(".")[2])));
    cursor = page.nextCursor;
    if (pages.length === 1) await hold({ seq: 26, account: "1" });
  } while (cursor !== undefined);
  expect(pages).toEqual([
    [24, 23, 22, 21, 19, 18, 17],
    [16, 14, 13, 12, 11, 9, 8],
    [7, 6, 4, 3, 2, 1],
  ]);
  expect(() => reader.alarms({}, { limit: 1, cursor: "nonsense" })).toThrow(RelayError);
});

test.each<[string, AlarmFilter]>([
  ["among the open ones", { open: true, lane: 0 }],
  ["in an account", { account: "1001", lane: 0, open: false }],
  ["anywhere", { lane: 0 }],
])("a rare match far back costs short pages, and is found once: %s", async (_, filter) => {
  const { reader, hold, holdMany, happen } = ledgerFixture();
  const rare = await hold({ seq: 1, category: "gas", account: "1001", event: "status" });
  if (filter.open === false) {
    for (const center of ["arc-north", "arc-south"]) await happen("received", center, [rare]);
  }
  await holdMany(2, 25_000);
  const found: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = reader.alarms(filter, { limit: 10, cursor });
    found.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    pages += 1;
  } while (cursor !== undefined);
  expect(found).toEqual([rare]);
  expect(pages).toBe(filter.open === true ? 3 : 1);
});

test("one alarm with its route, its deliveries and its trail", async () => {
  const { reader } = await situations();
  const found = reader.alarm("gw-1.e1.1");
  expect(found).toMatchObject({
    id: "gw-1.e1.1",
    state: "acknowledged",
    condition: "cleared",
    alarm: { account: "1001", category: "fire", heldAt: "2026-03-01T12:00:01.000Z", late: false, ageMs: 50 },
    route: { name: "default", centers: ["arc-north", "arc-south"], require: 2 },
    acknowledged: { center: "arc-north", operator: "kim", note: "guard sent" },
    heldAt: "2026-03-01T12:00:01.000Z",
  });
  expect(found?.settledAt).toBeUndefined();
  expect(found?.deliveries.map(({ center, state, attempt }) => [center, state, attempt])).toEqual([
    ["arc-north", "acknowledged", 1],
    ["arc-south", "pending", 0],
  ]);
  expect(found?.trail.map(({ kind }) => kind)).toEqual([
    "accepted",
    "held",
    "cleared",
    "dispatched",
    "received",
    "acknowledged",
  ]);
  expect(reader.alarm("gw-1.e1.99")).toBeUndefined();
  expect(reader.alarm("no id at all")).toBeUndefined();
});

test("the trail keeps failures with their reasons", async () => {
  const { reader } = await situations();
  const trail = reader.alarm("gw-1.e1.6")?.trail ?? [];
  expect(trail).toContainEqual({
    at: "2026-03-01T12:03:20.000Z",
    kind: "failed",
    center: "arc-north",
    attempt: 1,
    reason: "disk full",
  });
});

test("dead and refused deliveries, by page and by center", async () => {
  const { reader, hold, happen } = ledgerFixture();
  for (let seq = 1; seq <= 4; seq++) {
    const id = await hold({ seq });
    await happen("killed", "arc-north", [id], { reason: "removed" });
    await happen("rejected", "arc-south", [id], { reason: "not ours" });
  }
  const first = reader.dead({ limit: 5 });
  expect(first.items.map(({ id, center, state }) => `${id} ${center} ${state}`)).toEqual([
    "gw-1.e1.4 arc-south rejected",
    "gw-1.e1.4 arc-north dead",
    "gw-1.e1.3 arc-south rejected",
    "gw-1.e1.3 arc-north dead",
    "gw-1.e1.2 arc-south rejected",
  ]);
  expect(first.items[1]).toMatchObject({ reason: "removed", history: [{ kind: "dead", reason: "removed" }] });
  const second = reader.dead({ limit: 5, cursor: first.nextCursor });
  expect(second.items).toHaveLength(3);
  expect(second.nextCursor).toBeUndefined();
  expect(reader.dead({ limit: 5, center: "arc-north" }).items).toHaveLength(4);
});

test("agents with what is held and what is missing between", async () => {
  const { reader, hold } = ledgerFixture();
  for (const seq of [1, 2, 5, 6]) await hold({ seq });
  await hold({ seq: 7, id: "gw-1.e2.7" });
  await hold({ seq: 1, agent: "gw-2" });
  expect(reader.agents("", 1)).toEqual([
    {
      agent: "gw-1",
      firstSeenAt: "2026-03-01T12:00:01.000Z",
      changes: { last: 5, confirmed: 0 },
      held: 5,
      epoch: "e2",
      lastSeq: 7,
      gaps: [["e1", 3, 4]],
    },
  ]);
  expect(reader.agents("gw-1", 9).map(({ agent }) => agent)).toEqual(["gw-2"]);
  expect(reader.agentCount()).toBe(2);
});

test("a center's backlog: what waits, what lies in frames, what failed", async () => {
  const { reader, hold, dispatch, happen } = ledgerFixture();
  expect(reader.backlog("arc-north")).toEqual({ open: { critical: 0, high: 0, medium: 0, low: 0 }, failed: 0 });
  const ids = [await hold({ seq: 1 }), await hold({ seq: 2 }), await hold({ seq: 3, category: "fire" })];
  expect(reader.backlog("arc-north").open).toEqual({ critical: 1, high: 2, medium: 0, low: 0 });
  await dispatch("arc-north");
  await hold({ seq: 4 });
  expect(reader.backlog("arc-north").open).toEqual({ critical: 1, high: 3, medium: 0, low: 0 });
  await happen("received", "arc-north", [ids[0] as string]);
  await happen("failed", "arc-north", [ids[1] as string], { reason: "no" });
  expect(reader.backlog("arc-north")).toEqual({
    open: { critical: 1, high: 2, medium: 0, low: 0 },
    failed: 1,
    oldestHeldAt: "2026-03-01T12:00:02.000Z",
  });
  expect(reader.openAlarms()).toBe(4);
});

test("events: one per alarm, resumable inside a change", async () => {
  const { reader, hold, happen } = ledgerFixture();
  const ids = await Promise.all([1, 2, 3].map((seq) => hold({ seq, account: "1001" })));
  const start = reader.eventsEnd();
  await happen("received", "arc-north", ids);
  await happen("received", "arc-south", [ids[2] as string]);
  const all = reader.events(start, 100);
  expect(all.events.map(({ event: { kind, id, center } }) => `${kind} ${id} ${center ?? ""}`)).toEqual([
    "received gw-1.e1.1 arc-north",
    "received gw-1.e1.2 arc-north",
    "received gw-1.e1.3 arc-north",
    "received gw-1.e1.3 arc-south",
    "settled gw-1.e1.3 ",
  ]);
  expect(all.events[0]?.event.alarm).toEqual({
    agent: "gw-1",
    account: "1001",
    point: "zone-1",
    category: "intrusion",
    event: "raised",
    priority: "high",
  });
  expect(all).toMatchObject({ more: false, next: reader.eventsEnd() });
  for (let limit = 1; limit <= 5; limit++) expect(readAll(reader, start, limit)).toEqual(all.events);
  for (const [i, { position }] of all.events.entries()) {
    expect(readAll(reader, position, 2)).toEqual(all.events.slice(i + 1));
  }
  expect(reader.eventsAt(T0 + 150_000)).toEqual(start);
});

function readAll(reader: LedgerReader, from: EventPosition, limit: number): unknown[] {
  const events: unknown[] = [];
  let position = from;
  for (;;) {
    const page = reader.events(position, limit);
    expect(page.events.length).toBeLessThanOrEqual(limit);
    events.push(...page.events);
    position = page.next;
    if (!page.more) return events;
  }
}

test("a commit that adds changes wakes the subscribers", async () => {
  const { reader, hold } = ledgerFixture();
  let woken = 0;
  const unsubscribe = reader.subscribe(() => {
    woken += 1;
  });
  await hold({ seq: 1 });
  expect(woken).toBe(1);
  unsubscribe();
  await hold({ seq: 2 });
  expect(woken).toBe(1);
});
