import { join } from "node:path";
import { eventually } from "../../helpers/eventually.ts";
import type { CenterStats } from "../processes/centers.ts";
import { BenchRelay } from "../relay.ts";
import { atLeast, atMost, type Scenario } from "../scenario.ts";

const AGENTS = 50;
const PER_SECOND = 5_000;
const WITHIN = { timeoutMs: 300_000, everyMs: 20 };

/**
 * Fifty gateways that keep reporting, each a hundred alarms a second, ten to a synced commit. All fifty are real agents
 * with queues of their own in one process, which loads two cores less than fifty processes would. Measured is what a
 * center sees: from accepted at the edge to the call of its handler.
 */
export const sustained: Scenario = {
  name: "sustained",
  title: "5,000 alarms/s from 50 agents, kept up",
  runs: () => 1,
  bars: [
    atLeast("accepted", PER_SECOND * 0.99, "alarms/s"),
    atMost("accepted to the center's handler, p99", 100, "ms"),
    atMost("queues empty after the last alarm", 1, "s"),
  ],
  run: async ({ quick }) => {
    const relay = await BenchRelay.create();
    try {
      await relay.startHub(["arc-1"]);
      const centers = await relay.startHelper("centers", [relay.natsUrl, relay.dir, "arc-1"]);
      const agents = await relay.startHelper("agents", [relay.natsUrl, join(relay.dir, "agents"), String(AGENTS)]);
      const isSettled = async (): Promise<boolean> => (await agents.call<number>("unsettled")) === 0;
      await agents.call("raise", { perSecond: PER_SECOND, seconds: quick ? 1 : 5 });
      await eventually("nothing is owed", isSettled, WITHIN);
      await centers.call("reset");
      const perSecond = await agents.call<number>("raise", { perSecond: PER_SECOND, seconds: quick ? 4 : 60 });
      const endMs = performance.now();
      await eventually("nothing is owed", isSettled, WITHIN);
      const emptySeconds = (performance.now() - endMs) / 1_000;
      const { waits } = await centers.call<CenterStats>("stats");
      return [
        { name: "accepted", unit: "alarms/s", value: perSecond },
        { name: "accepted to the center's handler, p50", unit: "ms", value: waits.high.p50 },
        { name: "accepted to the center's handler, p99", unit: "ms", value: waits.high.p99 },
        { name: "accepted to the center's handler, max", unit: "ms", value: waits.high.max },
        { name: "queues empty after the last alarm", unit: "s", value: emptySeconds },
      ];
    } finally {
      await relay.stop();
    }
  },
};
