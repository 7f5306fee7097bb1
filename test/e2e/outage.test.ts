import { expect, test } from "vitest";
import { startNats } from "../helpers/nats.ts";
import { accept, allSettled, makeMixedReports } from "./alarms.ts";
import { listenAs } from "./collector.ts";
import { startAgent, startHub } from "./programs.ts";

test("20,000 alarms accepted while nats-server is stopped reach every center, once and in order", async () => {
  const nats = await startNats();
  await startHub({ natsUrl: nats.url, centers: ["arc-north", "arc-south"] });
  const agent = await startAgent("gw-1", nats.url);
  const north = await listenAs("arc-north", nats.url);
  const south = await listenAs("arc-south", nats.url);
  const before = await accept(agent, makeMixedReports(10));
  await north.collector.waitFor(10);

  await nats.stop();
  const ids = [...before, ...(await accept(agent, makeMixedReports(20_000, 10)))];
  expect(north.collector.size).toBe(10);
  await nats.restart();

  await north.collector.waitFor(ids.length);
  await south.collector.waitFor(ids.length);
  await allSettled(agent);
  north.collector.expectOnceInOrder(ids);
  south.collector.expectOnceInOrder(ids);
}, 120_000);

test("nats-server killed again and again in the middle of the flow: nothing is missing, nothing comes twice", async () => {
  const nats = await startNats();
  await startHub({ natsUrl: nats.url, centers: ["arc-north", "arc-south"] });
  const agent = await startAgent("gw-1", nats.url);
  const north = await listenAs("arc-north", nats.url);
  const south = await listenAs("arc-south", nats.url);
  const ids: string[] = [];
  for (let kill = 0; kill < 5; kill++) {
    const before = north.collector.size;
    ids.push(...(await accept(agent, makeMixedReports(4_000, ids.length))));
    await north.collector.waitFor(before + 100);
    await nats.kill();
    await nats.restart();
  }
  await north.collector.waitFor(ids.length);
  await south.collector.waitFor(ids.length);
  await allSettled(agent);
  // A frame that the broker had handed out when it died comes later than those behind it, and says so.
  north.collector.expectOnceInOrder(ids);
  south.collector.expectOnceInOrder(ids);
}, 120_000);
