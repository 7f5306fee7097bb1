import { drained, gather, warmUp } from "../backlog.ts";
import { cpuSecondsOf, memoryOf, natsServerBelow } from "../child.ts";
import { bridgeDrain } from "../peers/bridge-drain.ts";
import { leafDrain } from "../peers/leaf-drain.ts";
import { BenchRelay } from "../relay.ts";
import { atLeast, ratioName, type Scenario } from "../scenario.ts";

const COUNT = 200_000;
const COUNT_QUICK = 50_000;
/** Until V8 has optimized what is called most. */
const COUNT_WARM_UP = 50_000;

const LEAF_SYNCING = "leaf node, syncing";
const BRIDGE = "bridge";

/**
 * A backlog that an agent gathered while its link was down, drained once the link is up: edge, hub, center and the
 * center's receipt back at the edge, synced wherever custody passes. The clock runs from the first PubAck to the
 * moment when nothing at the edge is unsettled.
 */
export const drain: Scenario = {
  name: "drain",
  title: "a backlog of low alarms drained, receipt at the edge included",
  runs: (quick) => (quick ? 1 : 5),
  run: async ({ quick }) => {
    const count = quick ? COUNT_QUICK : COUNT;
    const relay = await BenchRelay.create();
    try {
      const hub = await relay.startHub(["arc-1"]);
      const center = await relay.startCenter("arc-1");
      const accepted = await gather(relay, "gw-1", count);
      await warmUp(relay, COUNT_WARM_UP);

      const agent = await relay.startAgent();
      const pids = [agent.pid, hub.pid, center.pid, natsServerBelow(hub.pid)];
      const cpuBefore = pids.map(cpuSecondsOf);
      const seconds = await drained([agent.url]);
      const cpu = pids.map((pid, i) => cpuSecondsOf(pid) - (cpuBefore[i] ?? 0));
      return [
        { name: "drained", unit: "alarms/s", value: count / seconds },
        { name: "accepted in arrays of 1,000", unit: "alarms/s", value: accepted.acceptPerSecond },
        ...["agent", "hub", "center", "nats-server"].map((name, i) => ({
          name: `CPU of the ${name}`,
          unit: "µs/alarm" as const,
          value: ((cpu[i] ?? 0) / count) * 1e6,
        })),
        { name: "agent RSS at its highest, accepting", unit: "MB", value: accepted.rssBytesMax / 1e6 },
        { name: "agent RSS at its highest, draining", unit: "MB", value: memoryOf(agent.pid).rssBytesMax / 1e6 },
        { name: "hub RSS", unit: "MB", value: memoryOf(hub.pid).rssBytes / 1e6 },
        { name: "center RSS", unit: "MB", value: memoryOf(center.pid).rssBytes / 1e6 },
      ];
    } finally {
      await relay.stop();
    }
  },
  bars: [
    atLeast("drained", 45_000, "alarms/s"),
    atLeast(ratioName("drained", LEAF_SYNCING), 15, "×"),
    atLeast(ratioName("drained", BRIDGE), 1.5, "×"),
  ],
  // They carry fewer alarms, the slower the fewer; what is compared is the rate.
  peers: [
    leafDrain(LEAF_SYNCING, "always", (quick) => (quick ? 4_000 : 20_000)),
    leafDrain("leaf node, default sync", "by default", (quick) => (quick ? 20_000 : 100_000)),
    bridgeDrain(BRIDGE, (quick) => (quick ? 20_000 : 100_000)),
  ],
};
