import { expect, test } from "vitest";
import { AgeClock } from "../../../agent/queue/age-clock.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, changer, claimAll, LIMITS, openQueue, report, seqOf } from "./open.ts";

const DAY_MS = 86_400_000;
const NOON = Date.parse("2026-03-01T12:00:00Z");

test.each([DAY_MS, -DAY_MS])(
  "over a jump of the clock by %i ms the order is that of seqs, and no one waits longer or shorter",
  async (jumpMs) => {
    let nowMs = NOON;
    const queue = openQueue({ nowMs: () => nowMs });
    const ids = [await acceptOne(queue, { reportId: "r-1" })];
    expect(queue.summary().oldestUnsettledMs).toBeLessThan(30_000);
    nowMs += jumpMs;
    ids.push(await acceptOne(queue));
    nowMs -= jumpMs;
    ids.push(await acceptOne(queue));
    expect(ids.map(seqOf)).toEqual([1, 2, 3]);
    expect(claimAll(queue, 3).flatMap((frame) => frame.seqs)).toEqual([1, 2, 3]);
    expect(queue.get(ids[1] ?? "")?.acceptedAt).toBe(new Date(NOON + jumpMs).toISOString());
    nowMs += jumpMs;
    expect(queue.summary().oldestUnsettledMs).toBeLessThan(30_000);
    expect(await queue.accept([report({ reportId: "r-1" })], { input: "test" })).toEqual([
      { kind: "duplicate", id: ids[0] },
    ]);
  },
);

test("a clock that is set forward after the start wipes neither history nor reportIds", async () => {
  let nowMs = Date.parse("1969-12-01T00:00:00Z");
  const dataDir = tempDir("queue");
  const limits = { ...LIMITS, keepConfirmedMs: DAY_MS };
  let queue = openQueue({ dataDir, limits, nowMs: () => nowMs });
  const settle = async (id: string) => {
    const { stages } = queue.get(id) ?? {};
    const hub = changer(queue, id);
    const one = {
      ids: [[queue.epoch, seqOf(id), seqOf(id)]] as [string, number, number][],
      at: stages?.acceptedAt ?? "",
    };
    await hub.tell({ kind: "held", centers: ["a"], ...one });
    await hub.tell({ kind: "settled", ...one });
  };
  const old = await acceptOne(queue);
  await settle(old);
  await queue.close();

  nowMs = Date.parse("1970-01-01T00:00:10Z");
  queue = openQueue({ dataDir, limits, nowMs: () => nowMs });
  const id = await acceptOne(queue, { reportId: "r-1" });
  await settle(id);
  nowMs = NOON;
  queue.start();
  await eventually("what is old by any clock is pruned", () => queue.get(old) === undefined);
  expect(queue.get(id)?.stages.settledAt).toBeDefined();
  expect(await queue.accept([report({ reportId: "r-1" })], { input: "test" })).toEqual([{ kind: "duplicate", id }]);
});

test("ages pass over a jump forward, until what was kept before it is really old", () => {
  let [wallMs, realMs] = [NOON, 0];
  const clock = new AgeClock(
    () => wallMs,
    2 * DAY_MS,
    () => realMs,
  );
  const pass = (ms: number) => {
    wallMs += ms;
    realMs += ms;
  };
  pass(1_000);
  expect(clock.nowMs()).toBe(NOON + 1_000);
  wallMs += DAY_MS;
  expect(clock.nowMs()).toBe(NOON + 1_000);
  pass(DAY_MS);
  expect(clock.nowMs()).toBe(NOON + 1_000 + DAY_MS);
  wallMs -= DAY_MS;
  expect(clock.nowMs()).toBe(wallMs);
  wallMs += DAY_MS;
  expect(clock.nowMs()).toBe(wallMs - DAY_MS);
  pass(2 * DAY_MS);
  expect(clock.nowMs()).toBe(wallMs);
  wallMs -= DAY_MS;
  expect(clock.nowMs()).toBe(wallMs);
});
