import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { QUEUE_FILE } from "../../../agent/queue/queue.ts";
import type { SeqRange } from "../../../shared/alarm/identity.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, changer, LIMITS, openQueue, report, reports, seqOf } from "./open.ts";

const small = (rowsMax: number, criticalReserve = 0) => ({ limits: { ...LIMITS, rowsMax, criticalReserve } });
const seqs = (queue: ReturnType<typeof openQueue>) => [...queue.iterate({})].map((alarm) => seqOf(alarm.id));

test("a queue full of what the hub does not hold refuses its own priority, and keeps what it has", async () => {
  const queue = openQueue(small(10));
  await queue.accept(reports(10), { input: "test" });
  const refused = queue.accept([report()], { input: "test" });
  await expect(refused).rejects.toMatchObject({ code: "queue_full", retry: true });
  expect(queue.summary()).toMatchObject({ lastSeq: 10, rows: { low: { accepted: 10 } }, evicted: { low: 0 } });
  // A refusal does not take along what shares its transaction.
  const ok = queue.accept([report({ priority: "high" })], { input: "test" });
  const full = queue.accept(reports(20), { input: "test" });
  await expect(full).rejects.toMatchObject({ code: "queue_full" });
  expect(await ok).toMatchObject([{ kind: "accepted" }]);
});

test("confirmed history goes first, then what the hub holds, then lower lanes oldest first", async () => {
  const queue = openQueue(small(12));
  const hub = changer(queue);
  await queue.accept(reports(12), { input: "test" });
  await hub.tell({ kind: "held", ids: [[queue.epoch, 4, 9]], centers: [] });
  await hub.tell({ kind: "settled", ids: [[queue.epoch, 7, 9]] });

  await acceptOne(queue);
  expect(seqs(queue)).toEqual([1, 2, 3, 4, 5, 6, 10, 11, 12, 13]);
  await queue.accept(reports(3), { input: "test" });
  expect(seqs(queue)).toEqual([1, 2, 3, 10, 11, 12, 13, 14, 15, 16]);
  expect(queue.summary().evicted).toEqual({ critical: 0, high: 0, medium: 0, low: 0 });

  await queue.accept(reports(4, { priority: "high" }), { input: "test" });
  expect(seqs(queue)).toEqual([3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  await queue.accept(reports(2, { priority: "critical" }), { input: "test" });
  expect(seqs(queue)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]);
  await queue.accept(reports(8, { priority: "critical" }), { input: "test" });
  expect(queue.summary()).toMatchObject({
    evicted: { low: 10, high: 2, critical: 0 },
    rows: { critical: { accepted: 10 } },
  });
  await queue.accept(reports(2, { priority: "critical" }), { input: "test" });
  expect(queue.summary()).toMatchObject({ evicted: { low: 10, high: 4 }, rows: { critical: { accepted: 12 } } });
  await expect(acceptOne(queue, { priority: "critical" })).rejects.toMatchObject({ code: "queue_full" });
});

test("nothing is given up for a newcomer that would be refused all the same", async () => {
  const queue = openQueue(small(10));
  await queue.accept([...reports(2), ...reports(8, { priority: "critical" })], { input: "test" });
  await expect(queue.accept(reports(3, { priority: "critical" }), { input: "test" })).rejects.toMatchObject({
    code: "queue_full",
  });
  expect(queue.summary().evicted.low).toBe(0);
  expect(seqs(queue).length).toBe(10);
});

test("the reserve is for critical alarms only", async () => {
  const queue = openQueue(small(20, 0.1));
  await queue.accept(reports(18), { input: "test" });
  await expect(acceptOne(queue)).rejects.toMatchObject({ code: "queue_full" });
  await queue.accept(reports(2, { priority: "critical" }), { input: "test" });
  expect(queue.summary()).toMatchObject({
    evicted: { low: 0 },
    rows: { low: { accepted: 18 }, critical: { accepted: 2 } },
  });
});

test("bytes are a limit as rows are", async () => {
  const queue = openQueue({ limits: { ...LIMITS, bytesMax: 50_000, criticalReserve: 0 } });
  const large = { text: "x".repeat(2_000) };
  await expect(queue.accept(reports(30, large), { input: "test" })).rejects.toMatchObject({ code: "queue_full" });
  for (let i = 0; i < 18; i++) await acceptOne(queue, large);
  for (let i = 0; i < 9; i++) await acceptOne(queue, { ...large, priority: "critical" });
  const { bytes, evicted, rows } = queue.summary();
  expect(bytes).toBeLessThanOrEqual(50_000);
  expect(bytes).toBeGreaterThan(45_000);
  expect(evicted.low).toBe(18 - rows.low.accepted);
  expect(rows.critical.accepted).toBe(9);
});

test("a report that was accepted is answered from a full queue", async () => {
  const queue = openQueue(small(3));
  const id = await acceptOne(queue, { reportId: "r-1" });
  await queue.accept(reports(2), { input: "test" });
  expect(await queue.accept([report({ reportId: "r-1" })], { input: "test" })).toEqual([{ kind: "duplicate", id }]);
});

test("what was given up is told in an alarm that names every range, also after a restart", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir, ...small(2_000, 0.1) });
  await queue.accept([...reports(1_000), ...reports(700, { priority: "medium" })], { input: "test" });
  const { epoch } = queue;
  await queue.accept(reports(900, { priority: "high" }), { input: "test" });
  await queue.close();

  queue = openQueue({ dataDir, ...small(2_000, 0.1) });
  queue.start();
  const alarm = await eventually("the alarm", () => queue.list({ point: "queue", limit: 1 }).items[0]);
  expect(alarm).toMatchObject({ category: "supervision", event: "status", code: "queue-loss", codeSystem: "custom" });
  expect(alarm.attributes).toEqual({ reason: "evicted", alarms: 800 });
  expect(JSON.parse(alarm.raw ?? "")).toEqual({ lost: [[epoch, 1, 800]] });
  expect(seqs(queue).slice(0, 2)).toEqual([801, 802]);
  expect(queue.summary().evicted).toMatchObject({ low: 800 });
});

test("10,000 alarms at 2,000 rows, link down: every seq that is gone is named, and no critical one is gone", async () => {
  const dataDir = tempDir("queue");
  const priorities = ["low", "critical", "medium", "low", "high", "low", "medium", "low", "low", "low"] as const;
  const critical: number[] = [];
  let queue = openQueue({ dataDir, ...small(2_000, 0.1) });
  queue.start();
  for (let batch = 0; batch < 100; batch++) {
    if (batch === 50) {
      await queue.close();
      queue = openQueue({ dataDir, ...small(2_000, 0.1) });
      queue.start();
      await eventually("the first losses are told", () => queue.list({ point: "queue", limit: 1 }).items[0]);
    }
    const wanted = Array.from({ length: 100 }, (_, i) => priorities[i % 10] as (typeof priorities)[number]);
    const accepting = wanted.map((priority) => queue.accept([report({ priority })], { input: "test" }));
    for (const [i, outcome] of (await Promise.allSettled(accepting)).entries()) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "queue_full" });
      else if (wanted[i] === "critical" && outcome.value[0]?.kind === "accepted") {
        critical.push(seqOf(outcome.value[0].id));
      }
    }
  }
  const kept = new Set(seqs(queue));
  const { evicted, lastSeq } = queue.summary();
  const gone = Array.from({ length: lastSeq }, (_, i) => i + 1).filter((seq) => !kept.has(seq));
  expect(critical.length).toBe(1_000);
  expect(critical.filter((seq) => !kept.has(seq))).toEqual([]);
  expect(gone.length).toBeGreaterThan(1_500);
  expect(evicted.high + evicted.medium + evicted.low).toBe(gone.length);

  const toldOf = [...queue.iterate({ point: "queue" })].flatMap((alarm) => {
    expect(alarm.raw?.length).toBeLessThanOrEqual(32 * 1024);
    return seqsOf((JSON.parse(alarm.raw ?? "") as { lost: SeqRange[] }).lost.map(([, first, last]) => [first, last]));
  });
  await queue.close();
  const db = new Database(join(dataDir, QUEUE_FILE), { readonly: true });
  const runs = (where: string) =>
    db.prepare(`SELECT first_seq, last_seq FROM loss WHERE ${where}`).raw().all() as [number, number][];
  expect(seqsOf(runs("true")).sort(ascending)).toEqual(gone);
  expect(toldOf.sort(ascending)).toEqual(seqsOf(runs("told_by IS NOT NULL")).sort(ascending));
  expect(toldOf.length).toBeGreaterThan(500);
  db.close();
});

const ascending = (a: number, b: number) => a - b;

function seqsOf(runs: readonly (readonly [first: number, last: number])[]): number[] {
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}
