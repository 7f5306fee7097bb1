import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/free-port.ts";
import { accept, allSettled, makeMixedReports, makeReports } from "./alarms.ts";
import { listenAs } from "./collector.ts";
import { type Program, pages, startAgent, startHub } from "./programs.ts";

const ALARMS = 20_000;
const KILLS = 10;

interface HeldAlarm {
  id: string;
  acknowledged?: { center: string; operator: string };
}

test("a hub killed ten times in the middle of 20,000, then robbed of its ledger, loses and repeats nothing", async () => {
  // The hub brings its own broker along, which goes down with it each time.
  const natsPort = await freePort();
  const natsUrl = `nats://127.0.0.1:${natsPort}`;
  const hub = await startHub({ natsPort, centers: ["arc-north", "arc-south"] });
  const agent = await startAgent("gw-1", natsUrl);
  const north = await listenAs("arc-north", natsUrl);
  const south = await listenAs("arc-south", natsUrl);

  const ids = await accept(agent, makeMixedReports(ALARMS / 2));
  for (let kill = 0; kill < KILLS; kill++) {
    // More comes in while the hub is down.
    const arriving = accept(agent, makeMixedReports(ALARMS / 2 / KILLS, ids.length));
    await north.collector.waitFor(((kill + 1) * ALARMS) / (KILLS + 2));
    await hub.kill();
    ids.push(...(await arriving));
    await hub.start();
  }
  await north.collector.waitFor(ALARMS);
  await south.collector.waitFor(ALARMS);
  await allSettled(agent);
  north.collector.expectOnceInOrder(ids);
  south.collector.expectOnceInOrder(ids);

  const acknowledged = ids.filter((_, i) => i % 500 === 0);
  for (const id of acknowledged) {
    expect(await north.center.acknowledge(id, { operator: "kim" })).toEqual({ kind: "acknowledged" });
  }
  await hub.kill();
  removeLedger(hub);
  await hub.start();
  const held = await pages<HeldAlarm>(hub, "/v1/alarms?state=acknowledged&limit=1000");
  expect(held.map(({ id }) => id).sort()).toEqual([...acknowledged].sort());
  for (const { acknowledged: by } of held) expect(by).toMatchObject({ center: "arc-north", operator: "kim" });
  ids.push(...(await accept(agent, makeReports(40, { priority: "low" }, ids.length))));
  await north.collector.waitFor(ids.length);
  await south.collector.waitFor(ids.length);
  await allSettled(agent);
  await eventually("the hub owes nobody anything", async () => expect(await open(hub)).toBe(0));
  north.collector.expectOnceInOrder(ids);
  south.collector.expectOnceInOrder(ids);
}, 180_000);

function removeLedger(hub: Program): void {
  const dataDir = join(hub.dir, "data");
  const files = readdirSync(dataDir).filter((name) => name.startsWith("ledger"));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) rmSync(join(dataDir, file));
}

async function open(hub: Program): Promise<number> {
  const { items } = await hub.get<{ items: { open: Record<string, number> }[] }>("/v1/centers");
  return items.flatMap((center) => Object.values(center.open)).reduce((sum, count) => sum + count, 0);
}
