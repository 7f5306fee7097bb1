import { expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { startNats } from "../helpers/nats.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { accept, allSettled, makeReports } from "./alarms.ts";
import { Collector } from "./collector.ts";
import { pages, startAgent, startHub, startListen } from "./programs.ts";

/** Handler calls at once in one process: no kill can cut off more. */
const CONCURRENCY = 16;

test("a center killed in the middle of 5,000 misses none, only calls that were cut off come again, no acknowledgment is lost", async () => {
  const nats = await startNats();
  const hub = await startHub({ natsUrl: nats.url, centers: ["arc-north"] });
  const agent = await startAgent("gw-1", nats.url);
  const state = tempDir("state");
  const first = startListen("arc-north", nats.url, state, "--acknowledge", "auto");
  await first.waitForLine(/listening as/);
  const accepting = accept(agent, makeReports(5_000), 250);
  await eventually("it is in the middle", () => first.lines.length > 1_500, { everyMs: 1 });
  await first.kill("SIGKILL");
  const ids = await accepting;
  const second = startListen("arc-north", nats.url, state, "--acknowledge", "auto");
  await allSettled(agent);
  expect(await second.kill("SIGTERM")).toEqual({ code: 0, signal: null });

  expect(first.lines.length).toBeLessThan(ids.length);
  const collector = new Collector();
  for (const line of [...first.lines, ...second.lines]) collector.handle(read(line));
  collector.expectExactly(ids);
  const repeats = collector.repeats();
  expect(repeats.length).toBeLessThanOrEqual(CONCURRENCY);
  for (const { attempt } of repeats) expect(attempt).toBeGreaterThan(1);
  await eventually("every alarm is acknowledged as well", async () => {
    const acknowledged = await pages<{ id: string }>(hub, "/v1/alarms?state=acknowledged&limit=1000");
    const known = new Set(acknowledged.map(({ id }) => id));
    expect(ids.filter((id) => !known.has(id))).toHaveLength(0);
    return true;
  });
}, 90_000);

function read(line: string): Parameters<Collector["handle"]>[0] {
  return JSON.parse(line) as Parameters<Collector["handle"]>[0];
}
