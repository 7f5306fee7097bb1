import { expect, test } from "vitest";
import { measure } from "./measure.ts";
import { atLeast, atMost, type Measurement, type Peer, ratioName, type Scenario } from "./scenario.ts";

const noProgress = (): void => undefined;

/** Reports the values one after the other, and notes each run. */
function reporting(
  name: string,
  values: number[],
  log: string[],
): (options: { quick: boolean }) => Promise<Measurement[]> {
  return ({ quick }) => {
    log.push(quick ? `${name} quick` : name);
    return Promise.resolve([{ name: "drained", unit: "alarms/s", value: quick ? -1 : (values.shift() ?? Number.NaN) }]);
  };
}

function scenario(log: string[], more: Partial<Scenario> = {}): Scenario {
  return { name: "ours", title: "", runs: () => 3, run: reporting("ours", [10, 30, 20], log), ...more };
}

function peer(log: string[], more: Partial<Peer> = {}): Peer {
  return { name: "theirs", title: "", run: reporting("theirs", [5, 10, 2], log), ...more };
}

test("peers run in turn with ours, each round begins with another, and the warm-up does not count", async () => {
  const log: string[] = [];
  const { figures } = await measure(scenario(log, { peers: [peer(log)] }), { quick: false, onProgress: noProgress });
  expect(log).toEqual(["ours quick", "theirs quick", "ours", "theirs", "theirs", "ours", "ours", "theirs"]);
  expect(figures[0]).toMatchObject({ name: "drained", median: 20, min: 10, max: 30, values: [10, 30, 20] });
});

test("what ours is of a peer is the median of the rounds, not the quotient of two medians", async () => {
  const { figures, peers } = await measure(scenario([], { peers: [peer([])] }), {
    quick: false,
    onProgress: noProgress,
  });
  expect(figures[1]).toMatchObject({ name: ratioName("drained", "theirs"), unit: "×", values: [2, 3, 10], median: 3 });
  expect(peers).toMatchObject([{ peer: "theirs", figures: [{ values: [5, 10, 2] }] }]);
});

test("a bar is held against the median", async () => {
  const bars = [atLeast("drained", 20, "alarms/s"), atMost("drained", 19, "alarms/s")];
  const result = await measure(scenario([], { bars }), { quick: false, onProgress: noProgress });
  expect(result.bars).toEqual([
    { scenario: "ours", figure: "drained", bar: "at least 20 alarms/s", value: 20, unit: "alarms/s", isMet: true },
    { scenario: "ours", figure: "drained", bar: "at most 19 alarms/s", value: 20, unit: "alarms/s", isMet: false },
  ]);
});

test("a peer that is not on this machine is named, and its bar is neither met nor missed", async () => {
  const log: string[] = [];
  const away = peer(log, { missing: () => "it is not installed" });
  const bars = [atLeast(ratioName("drained", "theirs"), 2, "×")];
  const result = await measure(scenario(log, { peers: [away], bars }), { quick: false, onProgress: noProgress });
  expect(log).not.toContain("theirs");
  expect(result.peers).toEqual([{ peer: "theirs", title: "", missing: "it is not installed", figures: [] }]);
  expect(result.bars).toEqual([{ scenario: "ours", figure: "drained ÷ theirs", bar: "at least 2 ×" }]);
});
