import { openTcpProxy } from "../../helpers/forwarding-proxy.ts";
import { drained, gather, warmUp } from "../backlog.ts";
import { createFolder, removeFolder } from "../folder.ts";
import { withFrameSize } from "../frame-size.ts";
import { BenchRelay } from "../relay.ts";
import type { Measurement, Scenario } from "../scenario.ts";

const FRAME_SIZES = [1, 8, 32, 128, 512];
const AGENTS = [1, 2, 4, 8];
const CENTERS = [1, 2, 4, 8];

/** How the rate of a drain depends on what grows. The last processes on few cores share them: that is part of it. */
export const growth: Scenario = {
  name: "growth",
  title: "the rate of a drain over frame size, agents, centers and the ledger's size",
  onRequest: true,
  runs: (quick) => (quick ? 1 : 5),
  run: async ({ quick }) => [
    ...(await overFrameSizes(quick)),
    ...(await overAgents(quick)),
    ...(await overCenters(quick)),
    ...(await overLedgerSizes(quick)),
  ],
};

async function overFrameSizes(quick: boolean): Promise<Measurement[]> {
  const points: Measurement[] = [];
  for (const size of FRAME_SIZES) {
    // Small frames are slow: their backlog is shorter, so that every size takes about as long.
    const count = Math.min(quick ? 30_000 : 100_000, size * 4_000);
    const dir = createFolder("frames");
    try {
      const perSecond = await drainOnce({ count, dist: withFrameSize(dir, size) });
      points.push(point("alarms per frame, at most", size, perSecond));
    } finally {
      removeFolder(dir);
    }
  }
  return points;
}

async function overAgents(quick: boolean): Promise<Measurement[]> {
  const points: Measurement[] = [];
  for (const agents of AGENTS) {
    points.push(point("agents", agents, await drainOnce({ count: quick ? 32_000 : 96_000, agents })));
  }
  return points;
}

async function overCenters(quick: boolean): Promise<Measurement[]> {
  const points: Measurement[] = [];
  for (const centers of CENTERS) {
    points.push(
      point("centers, each of which gets all", centers, await drainOnce({ count: quick ? 20_000 : 50_000, centers })),
    );
  }
  return points;
}

/** One relay whose ledger grows by every backlog that is drained into it. */
async function overLedgerSizes(quick: boolean): Promise<Measurement[]> {
  const step = quick ? 25_000 : 100_000;
  const points: Measurement[] = [];
  const relay = await BenchRelay.create();
  try {
    await relay.startHub(["arc-1"]);
    await relay.startCenter("arc-1");
    await warmUp(relay, step);
    for (let before = step; before <= step * (quick ? 4 : 10); before += step) {
      const name = `gw-${before}`;
      await gather(relay, name, step);
      const agent = await relay.startAgent({ agent: name });
      points.push(point("alarms in the ledger", before, step / (await drained([agent.url]))));
      await agent.stop();
    }
    return points;
  } finally {
    await relay.stop();
  }
}

interface Drain {
  count: number;
  agents?: number;
  centers?: number;
  dist?: string;
}

/** Drains a backlog that lies with all agents in equal parts, on a relay of its own; resolves with alarms per second. */
async function drainOnce({ count, agents = 1, centers = 1, dist }: Drain): Promise<number> {
  const relay = await BenchRelay.create(dist === undefined ? {} : { dist });
  const ids = Array.from({ length: centers }, (_, i) => `arc-${i + 1}`);
  const names = Array.from({ length: agents }, (_, i) => `gw-${i + 1}`);
  try {
    await relay.startHub(ids);
    for (const id of ids) await relay.startCenter(id);
    for (const name of names) await gather(relay, name, count / agents);
    await warmUp(relay, count / 5);
    const link = await openTcpProxy(Number(new URL(relay.natsUrl).port));
    // All of them run and wait for the server's greeting: what their starts cost is over when the drain begins.
    link.halfOpen();
    const nats = { servers: [`nats://${link.address}`] };
    const started = await Promise.all(names.map((name) => relay.startAgent({ agent: name, nats })));
    link.resume();
    const seconds = await drained(started.map(({ url }) => url));
    await Promise.all(started.map((agent) => agent.stop()));
    await link.stop();
    return count / seconds;
  } finally {
    await relay.stop();
  }
}

function point(axis: string, x: number, perSecond: number): Measurement {
  return { name: `${axis}: ${x.toLocaleString("en-US")}`, unit: "alarms/s", value: perSecond, point: { axis, x } };
}
