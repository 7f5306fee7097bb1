import { join } from "node:path";
import { eventually } from "../../helpers/eventually.ts";
import { HttpConnection } from "../http-connection.ts";
import { queueProgress } from "../load.ts";
import { preparedQueue, ROOMY_QUEUE } from "../make-queue.ts";
import { copyPrepared } from "../prepared.ts";
import type { CenterStats } from "../processes/centers.ts";
import { BenchRelay, pause } from "../relay.ts";
import { atLeast, atMost, type Scenario } from "../scenario.ts";

const EVERY_MS = 100;
const WITHIN = { timeoutMs: 300_000 };

/**
 * A gateway with a long backlog of low alarms drains it, and meanwhile a critical alarm comes every 100 ms. It has to
 * pass the backlog everywhere: at the edge, in ALARMS, in the ledger, in DELIVERIES and at the center. The low lane
 * must not stand still for it.
 */
export const overtake: Scenario = {
  name: "overtake",
  title: "a critical alarm every 100 ms, behind a backlog of low ones that drains",
  runs: (quick) => (quick ? 1 : 3),
  bars: [
    atMost("critical, accepted to the center's handler, p99", 50, "ms"),
    atLeast("low alarms received meanwhile", 1_000, "alarms/s"),
  ],
  run: async ({ quick }) => {
    const count = quick ? 100_000 : 1_000_000;
    const queue = await preparedQueue(count);
    const relay = await BenchRelay.create();
    try {
      copyPrepared(queue, join(relay.dir, "gw-1"));
      await relay.startHub(["arc-1"]);
      const centers = await relay.startHelper("centers", [relay.natsUrl, relay.dir, "arc-1"]);
      const agent = await HttpConnection.open((await relay.startAgent(ROOMY_QUEUE)).url);
      const received = async (): Promise<number> => (await centers.call<CenterStats>("stats")).received;
      await eventually("the backlog drains", async () => (await received()) > 0, WITHIN);
      await centers.call("reset");
      const startMs = performance.now();
      let raised = 0;
      // What is left then may lie before the center already, with nothing to overtake.
      while ((await queueProgress(agent)).unsettled > count / 10) {
        await raiseCritical(agent);
        raised += 1;
        await pause(Math.max(0, startMs + raised * EVERY_MS - performance.now()));
      }
      const seconds = (performance.now() - startMs) / 1_000;
      const low = (await received()) - raised;
      await eventually("all is received", async () => (await queueProgress(agent)).unsettled === 0, WITHIN);
      agent.close();
      const { critical } = (await centers.call<CenterStats>("stats")).waits;
      if (critical.count !== raised) throw new Error(`of ${raised} critical alarms the center got ${critical.count}`);
      return [
        { name: "critical, accepted to the center's handler, p50", unit: "ms", value: critical.p50 },
        { name: "critical, accepted to the center's handler, p99", unit: "ms", value: critical.p99 },
        { name: "critical, accepted to the center's handler, max", unit: "ms", value: critical.max },
        { name: "critical alarms", unit: "alarms", value: raised },
        { name: "low alarms received meanwhile", unit: "alarms/s", value: low / seconds },
      ];
    } finally {
      await relay.stop();
    }
  },
};

async function raiseCritical(agent: HttpConnection): Promise<void> {
  const report = { account: "1001", point: "zone-1", category: "fire", text: "Smoke in the hall" };
  const { status, body } = await agent.post("/v1/alarms", JSON.stringify(report));
  if (status !== 201) throw new Error(`the agent answered ${status}: ${body}`);
}
