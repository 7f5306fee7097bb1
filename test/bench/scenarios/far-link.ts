import { eventually } from "../../helpers/eventually.ts";
import { openTcpProxy } from "../../helpers/forwarding-proxy.ts";
import { drained, gather } from "../backlog.ts";
import { HttpConnection } from "../http-connection.ts";
import { queueProgress } from "../load.ts";
import { BenchRelay } from "../relay.ts";
import { atLeast, atMost, type Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";

const ONE_WAY_MS = 50;
const WARM_UP = 5;
/** How often the agent is asked whether the receipt has come: little beside what is measured. */
const LOOK_MS = 1;

/**
 * A gateway with 100 ms of round trip to its server: every byte waits 50 ms in a proxy, in each direction. One lane
 * has one frame in flight, so a drain is bound by the frame's size and the round trip, and one alarm by how often its
 * way crosses the link.
 */
export const farLink: Scenario = {
  name: "far-link",
  title: "drain and latency over a link with a round trip of 100 ms",
  runs: (quick) => (quick ? 1 : 3),
  bars: [atLeast("drained by one lane", 4_000, "alarms/s"), atMost("receipt at the edge, p99", 6 * ONE_WAY_MS, "ms")],
  run: async ({ quick }) => {
    const count = quick ? 10_000 : 60_000;
    const relay = await BenchRelay.create();
    const proxy = await openTcpProxy(Number(new URL(relay.natsUrl).port));
    proxy.slow(ONE_WAY_MS);
    const far = { nats: { servers: [`nats://${proxy.address}`] } };
    try {
      await relay.startHub(["arc-1"]);
      await relay.startCenter("arc-1");
      await gather(relay, "gw-1", count);
      const { url } = await relay.startAgent(far);
      const seconds = await drained([url]);
      const received = await latencies(url, quick ? 20 : 100);
      return [
        { name: "drained by one lane", unit: "alarms/s", value: count / seconds },
        { name: "receipt at the edge, p50", unit: "ms", value: percentile(received, 0.5) },
        { name: "receipt at the edge, p99", unit: "ms", value: percentile(received, 0.99) },
      ];
    } finally {
      await relay.stop();
      await proxy.stop();
    }
  },
};

/** One alarm at a time, from the request until the agent has been told that nothing more is owed. */
async function latencies(agentUrl: string, count: number): Promise<number[]> {
  const agent = await HttpConnection.open(agentUrl);
  const report = JSON.stringify({ account: "1001", point: "zone-1", category: "fire", text: "Smoke in the hall" });
  const received: number[] = [];
  for (let i = 0; i < count + WARM_UP; i++) {
    const startMs = performance.now();
    await agent.post("/v1/alarms", report);
    const isSettled = async (): Promise<boolean> => (await queueProgress(agent)).unsettled === 0;
    await eventually("the receipt is at the edge", isSettled, { everyMs: LOOK_MS });
    if (i >= WARM_UP) received.push(performance.now() - startMs);
  }
  agent.close();
  return received;
}
