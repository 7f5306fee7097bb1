import { expect, test } from "vitest";
import { Waits } from "./waits.ts";

test("of a hundred waits the p99 is the longest, and the p50 lies in the middle", () => {
  const waits = new Waits();
  for (let ms = 1; ms <= 100; ms++) waits.add(ms);
  expect(waits.summary()).toEqual({ count: 100, p50: 51, p99: 100, max: 100 });
});

test("a clock that is a little behind makes a wait of nothing", () => {
  const waits = new Waits();
  waits.add(-0.7);
  expect(waits.summary()).toEqual({ count: 1, p50: 0, p99: 0, max: 0 });
});
