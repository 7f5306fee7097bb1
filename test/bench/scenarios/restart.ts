import { join } from "node:path";
import { pino } from "pino";
import { createBroker } from "../../../hub/broker/broker.ts";
import { eventually } from "../../helpers/eventually.ts";
import { type Child, cpuSecondsOf } from "../child.ts";
import { HttpConnection } from "../http-connection.ts";
import { queueProgress } from "../load.ts";
import { CENTER, KEEPING_ALL, preparedLedger } from "../make-ledger.ts";
import { copyPrepared } from "../prepared.ts";
import { type BenchAgent, BenchRelay } from "../relay.ts";
import { atMost, type Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";

const WITHIN = { timeoutMs: 60_000, everyMs: 5 };

/**
 * A hub that was killed starts again with ten million alarms in its ledger, at a nats-server that went on without it,
 * and dispatches what a gateway has relayed meanwhile. From the start of its process to the time that it notes for the
 * dispatch.
 */
export const restart: Scenario = {
  name: "restart",
  title: "a hub that was killed starts again with ten million alarms",
  runs: () => 1,
  bars: [atMost("start to first dispatch", 3_000, "ms")],
  run: async ({ quick }) => {
    const rows = quick ? 200_000 : 10_000_000;
    const dir = await preparedLedger(rows);
    const relay = await BenchRelay.create();
    const port = Number(new URL(relay.natsUrl).port);
    const broker = createBroker({ port, dataDir: join(relay.dir, "nats"), log: pino({ level: "silent" }) });
    const start = (): Promise<Child> =>
      relay.startHub([CENTER], { ...KEEPING_ALL, nats: { servers: [relay.natsUrl] } });
    try {
      copyPrepared(dir, join(relay.dir, "hub"));
      await broker.start();
      let hub = await start();
      const agent = await relay.startAgent();
      await dispatched(relay, await raiseOne(agent));
      const times: number[] = [];
      const cpuSeconds: number[] = [];
      for (let i = 0; i < (quick ? 2 : 5); i++) {
        process.kill(hub.pid, "SIGKILL");
        await hub.stop();
        const id = await raiseOne(agent);
        await relayed(agent);
        const startedAtMs = Date.now();
        hub = await start();
        times.push((await dispatched(relay, id)) - startedAtMs);
        cpuSeconds.push(cpuSecondsOf(hub.pid));
      }
      return [
        { name: "alarms in the ledger", unit: "rows", value: rows },
        { name: "start to first dispatch", unit: "ms", value: median(times) },
        { name: "start to first dispatch, slowest", unit: "ms", value: Math.max(...times) },
        { name: "hub CPU until then", unit: "CPU s", value: median(cpuSeconds) },
      ];
    } finally {
      await relay.stop();
      await broker.stop();
    }
  },
};

async function raiseOne({ url }: BenchAgent): Promise<string> {
  const agent = await HttpConnection.open(url);
  const report = { account: "1001", point: "zone-1", category: "fire", text: "Smoke in the hall" };
  const { body } = await agent.post("/v1/alarms", JSON.stringify(report));
  agent.close();
  return (JSON.parse(body) as { id: string }).id;
}

async function relayed({ url }: BenchAgent): Promise<void> {
  const agent = await HttpConnection.open(url);
  await eventually("it is relayed", async () => (await queueProgress(agent)).waiting === 0, WITHIN);
  agent.close();
}

/** Resolves with the time at which the hub has dispatched an alarm. */
async function dispatched(relay: BenchRelay, id: string): Promise<number> {
  const hub = await HttpConnection.open(relay.hubUrl);
  const dispatchedAt = async (): Promise<string | undefined> => {
    const { body } = await hub.get(`/v1/alarms/${id}`);
    const { deliveries = [] } = JSON.parse(body) as { deliveries?: { dispatchedAt?: string }[] };
    return deliveries[0]?.dispatchedAt;
  };
  const at = await eventually("it is dispatched", dispatchedAt, WITHIN);
  hub.close();
  return Date.parse(at);
}
