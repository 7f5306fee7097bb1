import { join } from "node:path";
import { expect, test } from "vitest";
import { QUEUE_FILE } from "../../../agent/queue/queue.ts";
import { queueMigrations } from "../../../agent/queue/schema.ts";
import type { StageEvent } from "../../../agent/queue/types.ts";
import { openSqlite } from "../../../shared/sqlite/open.ts";
import type { Change } from "../../../shared/wire/change.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, changer, claimAll, openQueue, reports } from "./open.ts";

const AT = "2026-03-01T12:00:00.000Z";
const LATER = "2026-03-01T13:00:00.000Z";

async function relayAll(queue: ReturnType<typeof openQueue>): Promise<void> {
  let seq = 0;
  for (const lane of [0, 1, 2, 3] as const) {
    for (const frame of claimAll(queue, lane)) queue.markRelayed(frame, { seq: ++seq });
  }
  await eventually("the marks are stored", () => {
    const { rows } = queue.summary();
    return Object.values(rows).every((row) => row.accepted === 0);
  });
}

test("the stages of an alarm come back one by one, each with its own time", async () => {
  const queue = openQueue({ nowMs: () => Date.parse(AT) - 1_000 });
  const hub = changer(queue);
  const id = await acceptOne(queue);
  const ids = [[queue.epoch, 1, 1]] as [string, number, number][];
  await relayAll(queue);
  expect(queue.get(id)?.stages).toEqual({
    acceptedAt: "2026-03-01T11:59:59.000Z",
    relayedAt: "2026-03-01T11:59:59.000Z",
    deliveries: [],
  });
  await hub.tell({ kind: "held", ids, at: AT, centers: ["a", "b"] });
  expect(queue.get(id)?.stages).toMatchObject({
    heldAt: AT,
    deliveries: [
      { center: "a", state: "pending" },
      { center: "b", state: "pending" },
    ],
  });
  await hub.tell({ kind: "received", ids, at: AT, center: "a" });
  await hub.tell({ kind: "failed", ids, at: AT, center: "b", reason: "database is down" });
  expect(queue.get(id)?.stages.deliveries).toEqual([
    { center: "a", state: "received", receivedAt: AT },
    { center: "b", state: "failed", reason: "database is down" },
  ]);
  await hub.tell({ kind: "acknowledged", ids, at: AT, center: "a", operator: "kim", note: "guard sent" });
  await hub.tell({ kind: "received", ids, at: LATER, center: "b" });
  await hub.tell({ kind: "settled", ids, at: LATER });
  expect(queue.get(id)?.stages).toEqual({
    acceptedAt: "2026-03-01T11:59:59.000Z",
    relayedAt: "2026-03-01T11:59:59.000Z",
    heldAt: AT,
    settledAt: LATER,
    deliveries: [
      { center: "a", state: "acknowledged", receivedAt: AT, acknowledgedAt: AT, operator: "kim", note: "guard sent" },
      { center: "b", state: "received", receivedAt: LATER },
    ],
  });
  expect(queue.summary()).toMatchObject({ rows: { low: { settled: 1 } }, oldestUnsettledMs: 0 });
});

test("where the hub tells of an alarm before its PubAck is here, it is shown as relayed no later than held", async () => {
  let nowMs = Date.parse(AT);
  const queue = openQueue({ nowMs: () => nowMs });
  const hub = changer(queue);
  const [early, ahead] = [await acceptOne(queue), await acceptOne(queue)];
  nowMs += 1_000;
  await relayAll(queue);
  const heldAt = "2026-03-01T12:00:00.998Z";
  await hub.tell({ kind: "held", ids: [[queue.epoch, 1, 1]], at: heldAt, centers: [] });
  // A hub whose clock is behind says nothing about when it was relayed.
  await hub.tell({ kind: "held", ids: [[queue.epoch, 2, 2]], at: "2026-03-01T11:59:59.000Z", centers: [] });
  expect(queue.get(early)?.stages).toMatchObject({ relayedAt: heldAt, heldAt });
  expect(queue.get(ahead)?.stages).toMatchObject({ relayedAt: "2026-03-01T12:00:01.000Z" });
});

test("stages never fall and times are set once, when a new ledger tells it all again", async () => {
  const queue = openQueue();
  const id = await acceptOne(queue);
  const ids = [[queue.epoch, 1, 1]] as [string, number, number][];
  await relayAll(queue);
  const story = async (ledger: string, at: string) => {
    const hub = changer(queue, ledger);
    await hub.tell({ kind: "held", ids, at, centers: ["a"] });
    await hub.tell({ kind: "failed", ids, at, center: "a", reason: "x" });
    await hub.tell({ kind: "received", ids, at, center: "a" });
    await hub.tell({ kind: "acknowledged", ids, at, center: "a", operator: at });
    await hub.tell({ kind: "settled", ids, at });
  };
  await story("ledger-1", AT);
  const first = queue.get(id);
  await story("ledger-2", LATER);
  expect(queue.get(id)).toEqual(first);
  expect(queue.position).toMatchObject({ ledger: "ledger-2", ledgerN: 2, changeN: 5 });
});

test("a hint that does not continue the list changes nothing; one that was applied is passed over", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const id = await acceptOne(queue);
  const { epoch } = queue;
  const change = (n: number) => ({ n, kind: "held", at: AT, ids: [[epoch, 1, 1]], centers: [] }) as const;
  const hint = (ledger: string, ...numbers: number[]) =>
    queue.applyHint({ ledger, changes: numbers.map((n) => ({ ...change(n), ids: [[epoch, 1, 1]], centers: [] })) });
  expect(await hint("ledger-1", 1)).toBe("other ledger");
  await queue.applyReply({ ledger: "ledger-1", changes: [], more: false }, 0);
  expect(await hint("ledger-1", 2)).toBe("missed");
  expect(await hint("ledger-1", 1, 3)).toBe("missed");
  expect(queue.get(id)?.stages.heldAt).toBeUndefined();
  expect(queue.position.changeN).toBe(0);
  expect(await hint("ledger-1", 1, 2)).toBe("applied");
  expect(await hint("ledger-1", 1, 2, 3)).toBe("applied");
  expect(queue.get(id)?.stages.heldAt).toBe(AT);

  await queue.close();
  queue = openQueue({ dataDir });
  expect(queue.position).toEqual({ ledger: "ledger-1", run: "", ledgerN: 1, changeN: 3 });
});

test("after a new start of the hub nothing is applied but its answer, and that only to the number that was asked", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const ids = [await acceptOne(queue), await acceptOne(queue), await acceptOne(queue)];
  const { epoch } = queue;
  const told = (run: string, ...numbers: number[]) => ({
    ledger: "ledger-1",
    run,
    changes: numbers.map((n) => ({ n, kind: "held", at: AT, ids: [[epoch, n, n]], centers: [] }) satisfies Change),
    more: false,
  });
  const held = () => ids.map((id) => queue.get(id)?.stages.heldAt !== undefined);
  expect(await queue.applyReply(told("run-1", 1), 0)).toBe("applied");
  expect(await queue.applyHint(told("run-2", 2))).toBe("other run");
  // A hint of the run before comes late, between the question and its answer.
  expect(await queue.applyHint(told("run-1", 2))).toBe("applied");
  expect(await queue.applyReply(told("run-2", 2, 3), 1)).toBe("other run");
  expect(held()).toEqual([true, true, false]);
  expect(await queue.applyReply(told("run-2"), 2)).toBe("applied");
  expect(await queue.applyHint(told("run-1", 3))).toBe("other run");
  expect(await queue.applyHint(told("run-2", 3))).toBe("applied");
  expect(held()).toEqual([true, true, true]);

  await queue.close();
  queue = openQueue({ dataDir });
  expect(queue.position).toEqual({ ledger: "ledger-1", run: "run-2", ledgerN: 1, changeN: 3 });
});

test("a file from before there were runs asks for everything once more, under the next ledger number", async () => {
  const dataDir = tempDir("queue");
  const path = join(dataDir, QUEUE_FILE);
  const db = openSqlite({ path, migrations: queueMigrations.slice(0, 1) });
  db.exec("UPDATE custody SET ledger = 'ledger-1', ledger_n = 3, change_n = 7");
  db.close();
  const queue = openQueue({ dataDir });
  expect(queue.position).toEqual({ ledger: "", run: "", ledgerN: 3, changeN: 0 });
  await queue.applyReply({ ledger: "ledger-1", run: "run-1", changes: [], more: false }, 0);
  expect(queue.position).toEqual({ ledger: "ledger-1", run: "run-1", ledgerN: 4, changeN: 0 });
});

test("changes of alarms that this file never gave are passed over", async () => {
  const queue = openQueue();
  const hub = changer(queue);
  const id = await acceptOne(queue);
  await hub.tell({ kind: "settled", ids: [["stranger", 1, 1]] });
  expect(queue.get(id)?.stages.settledAt).toBeUndefined();
  await hub.tell({ kind: "settled", ids: [[queue.epoch, 0, 5_000]] });
  expect(queue.get(id)?.stages.settledAt).toBeDefined();
  expect(queue.summary().rows.low).toEqual({ accepted: 0, relayed: 0, held: 0, settled: 1 });
});

test("a change over many short runs, as interleaved lanes make them, is applied to exactly those", async () => {
  const queue = openQueue();
  const hub = changer(queue);
  for (let i = 0; i < 100; i++) {
    await queue.accept([...reports(1, { priority: "critical" }), ...reports(2)], { input: "test" });
  }
  await relayAll(queue);
  expect(queue.summary().rows).toMatchObject({ critical: { relayed: 100 }, low: { relayed: 200 } });
  const ids = Array.from({ length: 100 }, (_, i) => [queue.epoch, i * 3 + 2, i * 3 + 3] as [string, number, number]);
  await hub.tell({ kind: "held", ids, centers: ["a"] });
  await hub.tell({ kind: "received", ids, center: "a" });
  expect(queue.summary().rows).toMatchObject({ critical: { relayed: 100, held: 0 }, low: { relayed: 0, held: 200 } });
  for (const alarm of queue.iterate({})) expect(alarm.stages.deliveries.length).toBe(alarm.priority === "low" ? 1 : 0);
});

test("under custody hub an alarm is settled when the hub holds it", async () => {
  const queue = openQueue({ custody: "hub" });
  const id = await acceptOne(queue);
  await changer(queue).tell({ kind: "held", ids: [[queue.epoch, 1, 1]], at: AT, centers: ["a"] });
  expect(queue.get(id)?.stages).toMatchObject({ heldAt: AT, settledAt: AT });
});

test("listeners hear of each stage after it is stored", async () => {
  const queue = openQueue();
  const events: StageEvent[] = [];
  const stop = queue.onStage((event) => {
    expect(queue.get(event.id)).toBeDefined();
    events.push(event);
  });
  const id = await acceptOne(queue);
  await relayAll(queue);
  const hub = changer(queue);
  const ids = [[queue.epoch, 1, 1]] as [string, number, number][];
  await hub.tell({ kind: "held", ids, centers: ["a"] });
  await hub.tell({ kind: "received", ids, center: "a" });
  await hub.tell({ kind: "acknowledged", ids, center: "a", operator: "kim" });
  await hub.tell({ kind: "settled", ids });
  expect(events.map(({ stage }) => stage)).toEqual([
    "accepted",
    "relayed",
    "held",
    "received",
    "acknowledged",
    "settled",
  ]);
  expect(events[4]).toEqual({ id, stage: "acknowledged", at: AT, center: "a", operator: "kim" });
  stop();
  await acceptOne(queue);
  expect(events.length).toBe(6);
});

test("the counters after a restart are those that were kept", async () => {
  const dataDir = tempDir("queue");
  const queue = openQueue({ dataDir });
  await queue.accept([...reports(5, { priority: "critical" }), ...reports(20)], { input: "test" });
  await relayAll(queue);
  const hub = changer(queue);
  await hub.tell({ kind: "held", ids: [[queue.epoch, 1, 12]], centers: [] });
  await hub.tell({ kind: "settled", ids: [[queue.epoch, 1, 7]] });
  await queue.accept(reports(3, { priority: "high" }), { input: "test" });
  const { epoch: _, epochs, oldestUnsettledMs: __, ...kept } = queue.summary();
  await queue.close();
  const again = openQueue({ dataDir });
  expect(again.summary()).toMatchObject({ ...kept, epochs });
});
