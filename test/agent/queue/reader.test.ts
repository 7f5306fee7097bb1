import { expect, test } from "vitest";
import type { AlarmFilter } from "../../../agent/queue/types.ts";
import { acceptOne, changer, openQueue, reports, seqOf } from "./open.ts";

test("a list goes newest first, a page at a time, while new alarms come", async () => {
  const queue = openQueue();
  await queue.accept(reports(25), { input: "test" });
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = queue.list({ limit: 10, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map((alarm) => seqOf(alarm.id)));
    cursor = page.nextCursor;
    await acceptOne(queue);
  } while (cursor !== undefined);
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
});

test("filters narrow lists and exports, alone and together", async () => {
  const queue = openQueue();
  await acceptOne(queue, { account: "1", point: "a", reportId: "r" });
  await acceptOne(queue, { account: "1", point: "b" });
  await acceptOne(queue, { account: "2", point: "a" });
  await acceptOne(queue, { point: "a" });
  await changer(queue).tell({ kind: "held", ids: [[queue.epoch, 2, 3]], centers: [] });
  const find = (filter: Omit<AlarmFilter, "limit">) => {
    const newestFirst = queue.list({ ...filter, limit: 10 }).items.map((alarm) => seqOf(alarm.id));
    expect([...queue.iterate(filter)].map((alarm) => seqOf(alarm.id))).toEqual(newestFirst.toReversed());
    return newestFirst;
  };
  expect(find({})).toEqual([4, 3, 2, 1]);
  expect(find({ account: "1" })).toEqual([2, 1]);
  expect(find({ point: "a" })).toEqual([4, 3, 1]);
  expect(find({ account: "1", point: "a" })).toEqual([1]);
  expect(find({ reportId: "r" })).toEqual([1]);
  expect(find({ reportId: "other" })).toEqual([]);
  expect(find({ stage: "held" })).toEqual([3, 2]);
  expect(find({ stage: "accepted" })).toEqual([4, 1]);
  expect(find({ stage: "held", point: "a" })).toEqual([3]);
});

test("an export reads more than a page", async () => {
  const queue = openQueue();
  await queue.accept(reports(1_000), { input: "test" });
  expect([...queue.iterate({})].map((alarm) => seqOf(alarm.id))).toEqual(
    Array.from({ length: 1_000 }, (_, i) => i + 1),
  );
});

test("the age of the oldest alarm that is not settled rises, and falls when it settles", async () => {
  let nowMs = Date.parse("2026-03-01T12:00:00Z");
  const queue = openQueue({ nowMs: () => nowMs });
  const hub = changer(queue);
  expect(queue.summary().oldestUnsettledMs).toBe(0);
  await acceptOne(queue);
  nowMs += 5_000;
  await acceptOne(queue);
  nowMs += 1_000;
  expect(queue.summary().oldestUnsettledMs).toBe(6_000);
  await hub.tell({ kind: "settled", ids: [[queue.epoch, 1, 1]] });
  expect(queue.summary().oldestUnsettledMs).toBe(1_000);
  // A clock that was turned back makes nothing younger: what waits is found to wait, whatever the time.
  nowMs -= 86_400_000;
  expect(queue.summary().oldestUnsettledMs).toBeGreaterThanOrEqual(1_000);
  expect(queue.summary().oldestUnsettledMs).toBeLessThan(30_000);
});
