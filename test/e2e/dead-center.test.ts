import { connect } from "nats";
import { expect, test } from "vitest";
import { WINDOW_FRAMES_MAX } from "../../hub/delivery/frame.ts";
import { LANES, PRIORITIES } from "../../shared/alarm/priority.ts";
import { allLanesSubject, deliverySubject, STREAMS } from "../../shared/wire/subjects.ts";
import { startNats } from "../helpers/nats.ts";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";
import { accept, allSettled, makeMixedReports } from "./alarms.ts";
import { Collector, listenAs } from "./collector.ts";
import { type Program, startAgent, startHub } from "./programs.ts";

/** How many a center is away for: AWAY_ALARMS=100000 is a whole night of them. */
const ALARMS = Number(process.env["AWAY_ALARMS"] ?? 10_000);
const PER_CALL = 50;
const PER_STRETCH = 1_000;

interface Latencies {
  p50: number;
  p95: number;
}

test(
  `a center that is away for ${ALARMS} alarms slows nobody else down, and gets all of them when it is back`,
  async ({ annotate }) => {
    const nats = await startNats();
    await startHub({ natsUrl: nats.url, centers: ["arc-north", "arc-south", "arc-west"] });
    const agent = await startAgent("gw-1", nats.url);
    const north = await listenAs("arc-north", nats.url);
    const west = await listenAs("arc-west", nats.url);
    const southState = { stateDir: tempDir("south"), collector: new Collector() };
    const south = await listenAs("arc-south", nats.url, southState);
    const ids: string[] = [];
    await latencies(agent, north.collector, ids, 1_000);

    const withAll = await latencies(agent, north.collector, ids, ALARMS);
    await south.collector.waitFor(ids.length);
    await south.center.stop();
    const withoutOne = await latencies(agent, north.collector, ids, ALARMS);
    await annotate(
      `p50 ${withAll.p50} ms and p95 ${withAll.p95} ms with all centers, ${withoutOne.p50} and ${withoutOne.p95} ms without one`,
    );
    expect(south.collector.size).toBe(ids.length - ALARMS);
    // Less work is done, so it should rather be faster; the rest is for the noise of a small machine.
    expect(withoutOne.p50).toBeLessThan(1.5 * withAll.p50 + 10);
    expect(withoutOne.p95).toBeLessThan(2 * withAll.p95 + 50);

    expect(await framesFor(nats.url, "arc-south")).toEqual(PRIORITIES.map(() => WINDOW_FRAMES_MAX));

    await listenAs("arc-south", nats.url, southState);
    await south.collector.waitFor(ids.length);
    await allSettled(agent);
    north.collector.expectOnceInOrder(ids);
    west.collector.expectOnceInOrder(ids);
    south.collector.expectOnceInOrder(ids);
  },
  120_000 + ALARMS * 3,
);

/** How many frames lie in DELIVERIES for a center, by priority. */
async function framesFor(natsUrl: string, center: string): Promise<number[]> {
  const nc = await connect({ servers: natsUrl });
  whenTestFinished(() => nc.close());
  const subjects = LANES.map((lane) => deliverySubject(center, lane));
  const jsm = await nc.jetstreamManager();
  const { state } = await jsm.streams.info(STREAMS.deliveries, { subjects_filter: allLanesSubject(center) });
  return subjects.map((subject) => state.subjects?.[subject] ?? 0);
}

/**
 * Raises alarms in small arrays, one after another, and measures how long each took to the handler: in the quietest of
 * several stretches, since other tests run on the same machine.
 */
async function latencies(agent: Program, collector: Collector, ids: string[], count: number): Promise<Latencies> {
  const stretches: number[][] = [];
  const reports = makeMixedReports(count, ids.length);
  for (let i = 0; i < count; i += PER_CALL) {
    if (i % PER_STRETCH === 0) stretches.push([]);
    const startMs = performance.now();
    const accepted = await accept(agent, reports.slice(i, i + PER_CALL));
    ids.push(...accepted);
    for (const id of accepted) stretches.at(-1)?.push((await collector.waitForAlarm(id)) - startMs);
  }
  const quietest = (share: number): number => Math.min(...stretches.map((ms) => quantile(ms, share)));
  return { p50: quietest(0.5), p95: quietest(0.95) };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(share * sorted.length)] as number) * 10) / 10;
}
