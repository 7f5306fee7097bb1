import { drained, gather } from "../backlog.ts";
import { cpuSecondsOf } from "../child.ts";
import { BenchRelay } from "../relay.ts";
import { atLeast, type Measurement, type Scenario } from "../scenario.ts";

const CENTERS = [1, 10, 50] as const;
const COUNT_WARM_UP = 1_000;

interface Run {
  centers: number;
  perSecond: number;
  hubCpu: number;
  centersCpu: number;
}

/**
 * The same backlog to one, ten and fifty centers of one route, drained when every center has received every alarm. All
 * centers are in one process, each with a connection and a synced state directory of its own: on two cores that
 * process, and not the hub, may be what limits, so the CPU of both is stated.
 */
export const fanOut: Scenario = {
  name: "fan-out",
  title: "one route to 1, 10 and 50 centers",
  runs: (quick) => (quick ? 1 : 3),
  bars: [atLeast("50 centers", 40_000, "deliveries/s")],
  run: async ({ quick }) => {
    const alarms = quick ? 2_000 : 50_000;
    const runs: Run[] = [];
    for (const centers of CENTERS) runs.push(await toCenters(centers, alarms));
    const [, few, many] = runs as [Run, Run, Run];
    const perCenter = (of: (run: Run) => number): number => (of(many) - of(few)) / (many.centers - few.centers);
    return [
      ...runs.flatMap(({ centers, perSecond, hubCpu, centersCpu }): Measurement[] => [
        { name: `${centers} centers`, unit: "deliveries/s", value: perSecond },
        { name: `${centers} centers: CPU of the hub`, unit: "µs/alarm", value: (hubCpu / alarms) * 1e6 },
        { name: `${centers} centers: CPU of the centers`, unit: "µs/alarm", value: (centersCpu / alarms) * 1e6 },
      ]),
      {
        name: "one more center: CPU of the hub",
        unit: "µs/alarm",
        value: (perCenter(({ hubCpu }) => hubCpu) / alarms) * 1e6,
      },
      {
        name: "one more center: time",
        unit: "µs/alarm",
        value: perCenter(({ centers, perSecond }) => (centers / perSecond) * 1e6),
      },
    ];
  },
};

async function toCenters(centers: number, alarms: number): Promise<Run> {
  const ids = Array.from({ length: centers }, (_, i) => `arc-${i + 1}`);
  const relay = await BenchRelay.create();
  try {
    await gather(relay, "gw-0", COUNT_WARM_UP);
    await gather(relay, "gw-1", alarms);
    const hub = await relay.startHub(ids);
    const receiving = await relay.startHelper("centers", [relay.natsUrl, relay.dir, ...ids]);
    const warm = await relay.startAgent({ agent: "gw-0" });
    await drained([warm.url]);
    await warm.stop();
    const pids = [hub.pid, receiving.pid];
    const before = pids.map(cpuSecondsOf);
    const seconds = await drained([(await relay.startAgent()).url]);
    const [hubCpu = 0, centersCpu = 0] = pids.map((pid, i) => cpuSecondsOf(pid) - (before[i] ?? 0));
    return { centers, perSecond: (alarms * centers) / seconds, hubCpu, centersCpu };
  } finally {
    await relay.stop();
  }
}
