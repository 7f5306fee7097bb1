import { expect, test } from "vitest";
import { CloneWatch } from "../../../hub/own/clone-watch.ts";
import { GatewayWatch } from "../../../hub/own/gateway-watch.ts";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import type { SeqRange } from "../../../shared/alarm/identity.ts";
import type { Presence } from "../../../shared/wire/presence.ts";
import { eventually } from "../../helpers/eventually.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { ledgerFixture } from "../ledger/ledger-fixture.ts";

const LONG_MS = 3_600_000;

function beat(more: Partial<Presence> = {}): Presence {
  return {
    agent: "gw-1",
    version: "1",
    epoch: "e1",
    startedAt: "",
    at: "",
    heartbeatMs: LONG_MS,
    epochs: [],
    lastSeq: 0,
    queue: { unsettled: { critical: 0, high: 0, medium: 0, low: 0 }, bytes: 0, oldestUnsettledMs: 0 },
    leaving: false,
    ...more,
  };
}

/** A watch on a real ledger, which judges every few milliseconds. */
function startWatch() {
  const { ledger, hold, holdMany } = ledgerFixture();
  let presence = beat();
  const watch = new GatewayWatch({
    ledger,
    presence: { get: () => ({ presence, heardAtMs: Date.now() }) },
    log: silentLog(),
    caughtUp: () => true,
    graceMs: 50,
    everyMs: 5,
  });
  whenTestFinished(() => watch.stop());
  watch.start();
  const told = (): Alarm[] => ledger.own.waiting(100).map(({ alarm }) => JSON.parse(alarm) as Alarm);
  const declare = (epochs: SeqRange[]) =>
    ledger.write(() => ledger.declarations.declare(ledger.names.agentId("gw-1", 0), ledger.id, epochs));
  const explain = (range: SeqRange) =>
    ledger.write(() => ledger.gaps.explain(ledger.names.epochId(ledger.names.agentId("gw-1", 0), range[0]), range));
  return {
    ledger,
    hold,
    holdMany,
    told,
    declare,
    explain,
    becomes: (next: Partial<Presence>) => {
      presence = beat(next);
    },
  };
}

/** Lets the watch judge at least that often. */
async function judged(ledger: ReturnType<typeof startWatch>["ledger"], ms = 200): Promise<void> {
  const endMs = performance.now() + ms;
  await eventually("some time has passed", () => ledger.own !== undefined && performance.now() > endMs);
}

test("a hole that its agent cannot fill is told once, with its range; when it is filled that is told", async () => {
  const { holdMany, told, declare, ledger } = startWatch();
  await declare([]);
  await holdMany(1, 5);
  await holdMany(9, 12);
  await declare([["e1", 1, 12]]);
  const [gap] = await eventually("it is told", () => told().length > 0 && told());
  expect(gap).toMatchObject({ category: "supervision", condition: "gap", point: "gw-1", raw: "gw-1.e1.6-8\n" });
  await judged(ledger);
  expect(told()).toHaveLength(1);
  await holdMany(6, 8);
  await eventually("it is told", () => told().length === 2);
  expect(told()[1]).toMatchObject({ condition: "gap-filled", raw: "gw-1.e1.6-8\n" });
});

test("what an agent may still relay is no gap, nor what it says it has lost", async () => {
  const { holdMany, told, declare, explain, becomes, ledger } = startWatch();
  becomes({ queue: { ...beat().queue, oldestUnsettledMs: LONG_MS } });
  await declare([]);
  await holdMany(1, 5);
  await holdMany(9, 12);
  await declare([["e1", 1, 20]]);
  await judged(ledger);
  expect(told()).toEqual([]);
  await explain(["e1", 6, 8]);
  await explain(["e1", 13, 18]);
  becomes({});
  await eventually("only the rest is told", () => told().length > 0);
  expect(told().map(({ raw }) => raw)).toEqual(["gw-1.e1.19-20\n"]);
});

test("a ledger that is new does not miss what an older one held", async () => {
  const { holdMany, told, declare, ledger } = startWatch();
  await holdMany(9_001, 9_005);
  await declare([["e1", 1, 9_010]]);
  await judged(ledger);
  expect(told()).toEqual([]);
  await holdMany(9_012, 9_015);
  await declare([["e1", 1, 9_015]]);
  await eventually("what is new is missed", () => told().length > 0);
  expect(told()[0]?.raw).toBe("gw-1.e1.9011\n");
});

test("an agent that knows less of its epochs than before is told once, after its second declaration", async () => {
  const { holdMany, told, declare, ledger } = startWatch();
  await declare([]);
  await holdMany(1, 10);
  await declare([
    ["e1", 1, 10],
    ["k2", 11, 20],
  ]);
  await declare([
    ["e1", 1, 4],
    ["k3", 5, 6],
  ]);
  await judged(ledger, 40);
  expect(told().filter(({ condition }) => condition === "gateway-restored")).toEqual([]);
  await declare([
    ["e1", 1, 4],
    ["k3", 5, 6],
  ]);
  const found = () => told().filter(({ condition }) => condition === "gateway-restored");
  await eventually("it is told", () => found().length > 0);
  await declare([
    ["e1", 1, 4],
    ["k3", 5, 6],
  ]);
  await judged(ledger, 40);
  expect(found().map(({ raw }) => raw)).toEqual([
    "gw-1.e1.10 was its last, now it is 4\ngw-1.k2.20 was its last, now it is unknown\n",
  ]);
});

test("two gateways under one name are told once; a restart, and a late heartbeat behind it, are not", async () => {
  const { ledger } = ledgerFixture();
  const clones = new CloneWatch({ ledger, log: silentLog() });
  let nowMs = 0;
  const hear = (...epochs: string[]): void => {
    for (const epoch of epochs) {
      nowMs += 500;
      clones.hear(beat({ epoch, heartbeatMs: 1_000 }), nowMs);
    }
  };
  const told = () => ledger.own.waiting(10).map(({ alarm }) => (JSON.parse(alarm) as Alarm).text);
  hear("a", "a", "b", "a", "b", "b", "b", "b", "b", "b", "b", "c");
  await ledger.write(() => undefined);
  expect(told()).toEqual([]);
  hear("c", "d", "c", "d", "c", "d", "c");
  await eventually("it is told", () => told().length > 0);
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain("gw-1");
});
