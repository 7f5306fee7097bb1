import { expect, test } from "vitest";
import { type Lane, priorityOf } from "../../../shared/alarm/priority.ts";
import { Lanes } from "../../../shared/center/lanes.ts";
import { makeAlarms } from "./test-hub.ts";

const job = (lane: Lane, point: string, seq: number) => {
  const [alarm] = makeAlarms(1, { firstSeq: seq, priority: priorityOf(lane) });
  return { alarm: { ...(alarm as NonNullable<typeof alarm>), point }, lane, seq };
};

test("critical goes first, each lane in the order of arrival", () => {
  const lanes = new Lanes<ReturnType<typeof job>>();
  for (const [lane, seq] of [
    [3, 1],
    [1, 2],
    [0, 3],
    [1, 4],
    [0, 5],
  ] as const) {
    lanes.add(job(lane, `p${seq}`, seq));
  }
  const order = Array.from({ length: 6 }, () => lanes.take(false)?.seq);
  expect(order).toEqual([3, 5, 2, 4, 1, undefined]);
});

test("with criticalOnly the lower lanes wait", () => {
  const lanes = new Lanes<ReturnType<typeof job>>();
  lanes.add(job(1, "a", 1));
  expect(lanes.take(true)).toBeUndefined();
  lanes.add(job(0, "b", 2));
  expect(lanes.take(true)?.seq).toBe(2);
});

test("one point's alarms wait for each other, whatever their lanes; others pass", () => {
  const lanes = new Lanes<ReturnType<typeof job>>();
  const [first, second, third] = [job(2, "a", 1), job(0, "a", 2), job(2, "b", 3)];
  for (const added of [first, second, third]) lanes.add(added);
  expect(lanes.take(false)?.seq).toBe(1);
  expect(lanes.take(false)?.seq).toBe(3);
  expect(lanes.take(false)).toBeUndefined();
  lanes.done(third);
  expect(lanes.take(false)).toBeUndefined();
  lanes.done(first);
  expect(lanes.take(false)?.seq).toBe(2);
});

test("a flood of critical alarms does not stop the lowest lane", () => {
  const lanes = new Lanes<ReturnType<typeof job>>();
  for (let seq = 1; seq <= 100; seq++) lanes.add(job(0, `c${seq}`, seq));
  lanes.add(job(3, "low", 1_000));
  const order = Array.from({ length: 100 }, () => lanes.take(false)?.seq);
  expect(order.indexOf(1_000)).toBeLessThan(20);
});

test("a queue that never empties keeps its order over many rounds", () => {
  const lanes = new Lanes<ReturnType<typeof job>>();
  for (let seq = 1; seq <= 10; seq++) lanes.add(job(1, `p${seq}`, seq));
  for (let seq = 11; seq <= 5_000; seq++) {
    lanes.add(job(1, `p${seq}`, seq));
    expect(lanes.take(false)?.seq).toBe(seq - 10);
  }
});
