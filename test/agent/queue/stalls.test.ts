import { expect, test } from "vitest";
import { Stalls } from "../../../agent/queue/stalls.ts";

const look = (followedSeq: number, relayedSeq: number, streamId = 1) => ({ streamId, followedSeq, relayedSeq });

test("a hub that moves on, or has nothing to wait for, is not stalled", () => {
  const stalls = new Stalls(60_000);
  expect(stalls.lostUpTo(3, look(10, 20), 0)).toBe(10);
  expect(stalls.lostUpTo(3, look(15, 20), 120_000)).toBe(15);
  expect(stalls.lostUpTo(3, look(20, 20), 240_000)).toBe(20);
  expect(stalls.lostUpTo(3, look(20, 20), 999_000)).toBe(20);
  expect(stalls.lostUpTo(3, look(20, 30, 2), 2_000_000)).toBe(20);
});

test("a hub that stands still before PubAcks of a minute ago shows that they are lost, but no younger ones", () => {
  const stalls = new Stalls(60_000);
  expect(stalls.lostUpTo(3, look(10, 20), 0)).toBe(10);
  expect(stalls.lostUpTo(3, look(10, 25), 30_000)).toBe(10);
  expect(stalls.lostUpTo(3, look(10, 25), 60_000)).toBe(20);
  // It did not help: the wait doubles.
  expect(stalls.lostUpTo(3, look(10, 26), 120_000)).toBe(10);
  expect(stalls.lostUpTo(3, look(10, 27), 180_000)).toBe(25);
  expect(stalls.lostUpTo(3, look(12, 27), 200_000)).toBe(12);
  expect(stalls.lostUpTo(3, look(12, 27), 260_000)).toBe(27);
});

test("lanes are looked at one by one", () => {
  const stalls = new Stalls(60_000);
  stalls.lostUpTo(0, look(10, 20), 0);
  expect(stalls.lostUpTo(1, look(10, 20), 90_000)).toBe(10);
  expect(stalls.lostUpTo(0, look(10, 20), 90_000)).toBe(20);
});
