import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { QUEUE_FILE } from "../../../agent/queue/queue.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, changer, LIMITS, openQueue, reports, seqOf } from "./open.ts";

const DAY_MS = 86_400_000;

test("what is confirmed goes after its time, what is not stays, and the file shrinks", async () => {
  const dataDir = tempDir("queue");
  let nowMs = Date.parse("2026-03-01T12:00:00Z");
  const limits = { ...LIMITS, keepConfirmedMs: DAY_MS };
  let queue = openQueue({ dataDir, limits, nowMs: () => nowMs });
  for (let i = 0; i < 5; i++) await queue.accept(reports(1_000, { text: "x".repeat(1_000) }), { input: "test" });
  const { epoch } = queue;
  const ids: [string, number, number][] = [
    [epoch, 1, 2_000],
    [epoch, 2_002, 5_000],
  ];
  const hub = changer(queue);
  await hub.tell({ kind: "held", ids, centers: ["a"] });
  await hub.tell({ kind: "received", ids, center: "a" });
  await hub.tell({ kind: "settled", ids, at: "2026-03-01T12:00:00Z" });
  await queue.close();
  const sizeBefore = statSync(join(dataDir, QUEUE_FILE)).size;

  nowMs += 2 * DAY_MS;
  queue = openQueue({ dataDir, limits, nowMs: () => nowMs });
  queue.start();
  await eventually("all that is old is gone", () => queue.summary().rows.low.settled === 0);
  expect([...queue.iterate({})].map((alarm) => seqOf(alarm.id))).toEqual([2_001]);
  expect(queue.get(`gw-1.${epoch}.1`)).toBeUndefined();
  await eventually("the file is smaller", () => statSync(join(dataDir, QUEUE_FILE)).size < sizeBefore / 2);
  await queue.close();

  // Seqs go on after those that are gone.
  queue = openQueue({ dataDir, limits, nowMs: () => nowMs });
  expect(seqOf(await acceptOne(queue))).toBe(5_001);
});

test("seqs go on although every row is gone", async () => {
  const dataDir = tempDir("queue");
  const limits = { ...LIMITS, keepConfirmedMs: 0 };
  let queue = openQueue({ dataDir, limits });
  await queue.accept(reports(7), { input: "test" });
  await changer(queue).tell({ kind: "settled", ids: [[queue.epoch, 1, 7]] });
  queue.start();
  await eventually("the queue is empty", () => queue.list({ limit: 1 }).items.length === 0);
  await queue.close();
  queue = openQueue({ dataDir, limits });
  expect(seqOf(await acceptOne(queue))).toBe(8);
});
