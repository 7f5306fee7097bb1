import { expect, test } from "vitest";
import { hasMosquitto } from "../../helpers/mqtt-broker.ts";
import { bridgeDrain } from "./bridge-drain.ts";
import { bridgeLatency } from "./bridge-latency.ts";
import { leafDrain } from "./leaf-drain.ts";
import { leafLatency } from "./leaf-latency.ts";

// A peer that lost or never carried what it should would not end; one whose clock is wrong shows in its figures.

const count = (): number => 300;
const drained = [{ name: "drained", unit: "alarms/s", value: expect.toSatisfy((value: number) => value > 10) }];
const stages = ["accepted, p50", "accepted, p99", "at the handler, p50", "at the handler, p99"];

test.each(["always", "by default"] as const)(
  "a leaf node that syncs %s drains what it stored without its hub",
  async (sync) => {
    expect(await leafDrain("leaf", sync, count).run({ quick: true })).toEqual(drained);
  },
);

test("a leaf node hands over one alarm after the other", async () => {
  expect(namesOf(await leafLatency("leaf", "by default").run({ quick: true }))).toEqual(stages);
});

test.runIf(hasMosquitto())("a bridge drains what it queued without its hub", async () => {
  expect(await bridgeDrain("bridge", count).run({ quick: true })).toEqual(drained);
});

test.runIf(hasMosquitto())("a bridge hands over one alarm after the other", async () => {
  expect(namesOf(await bridgeLatency("bridge").run({ quick: true }))).toEqual(stages);
});

/** The names of the figures that are times. */
function namesOf(figures: readonly { name: string; value: number }[]): string[] {
  return figures.filter(({ value }) => value > 0).map(({ name }) => name);
}
