import { connect, type NatsConnection } from "nats";
import type { Child } from "../child.ts";
import { monotonicMs } from "../clock.ts";
import { HttpConnection } from "../http-connection.ts";
import { report } from "../load.ts";
import { oneByOne, stageFigures } from "../one-by-one.ts";
import { bridgeLatency } from "../peers/bridge-latency.ts";
import { leafLatency } from "../peers/leaf-latency.ts";
import { BenchRelay } from "../relay.ts";
import { atMost, ratioName, type Scenario } from "../scenario.ts";

const LEAF_SYNCING = "leaf node, syncing";

/**
 * One alarm at a time on an idle system, over HTTP, from the start of the request: until it is accepted (the answer),
 * until the center's handler has it, and until the hub's word that the center has received it is at the edge. It is
 * synced wherever custody of it passes.
 */
export const latency: Scenario = {
  name: "latency",
  title: "one alarm on an idle system, from the start of the HTTP request",
  runs: (quick) => (quick ? 1 : 5),
  run: async ({ quick }) => {
    const relay = await BenchRelay.create();
    try {
      await relay.startHub(["arc-1"]);
      const center = await relay.startCenter("arc-1", { isStamping: true });
      await relay.startAgent();
      const nc = await connect({ servers: relay.natsUrl });
      const receiptMs = await listenForReceipts(nc);
      const agent = await HttpConnection.open(relay.agentUrl);
      const alarms = await oneByOne(quick, async (i) => {
        const body = JSON.stringify(report(i, "fire"));
        const startMs = monotonicMs();
        const answer = await agent.post("/v1/alarms", body);
        const acceptedMs = monotonicMs();
        const { id } = JSON.parse(answer.body) as { id: string };
        return { id, startMs, acceptedMs, receiptMs: await receiptMs(id) };
      });
      agent.close();
      await nc.close();
      const handledMs = await stampsOf(center);
      return stageFigures(
        alarms.map(({ id, startMs, ...at }) => ({
          accepted: at.acceptedMs - startMs,
          "at the handler": (handledMs[id] ?? Number.NaN) - startMs,
          "receipt at the edge": at.receiptMs - startMs,
        })),
      );
    } finally {
      await relay.stop();
    }
  },
  bars: [
    atMost("receipt at the edge, p50", 4, "ms"),
    atMost("receipt at the edge, p99", 12, "ms"),
    atMost(ratioName("at the handler, p50", LEAF_SYNCING), 1.5, "×"),
  ],
  peers: [
    leafLatency(LEAF_SYNCING, "always"),
    leafLatency("leaf node, default sync", "by default"),
    bridgeLatency("bridge"),
  ],
};

interface StageMessage {
  changes: { kind: string; ids: [epoch: string, first: number, last: number][] }[];
}

/**
 * Hears what the hub tells the agent. The function that comes back resolves with the time at which the receipt for an
 * alarm came, which may be before its answer has reached us.
 */
async function listenForReceipts(nc: NatsConnection): Promise<(id: string) => Promise<number>> {
  const arrivedMs = new Map<string, number>();
  let wake = (): void => undefined;
  nc.subscribe("stage.gw-1", {
    callback: (_, message) => {
      const nowMs = monotonicMs();
      for (const { kind, ids } of (message.json() as StageMessage).changes) {
        if (kind !== "received") continue;
        for (const [epoch, first, last] of ids) {
          for (let seq = first; seq <= last; seq++) arrivedMs.set(`gw-1.${epoch}.${seq}`, nowMs);
        }
      }
      wake();
    },
  });
  await nc.flush();
  return async (id) => {
    for (;;) {
      const atMs = arrivedMs.get(id);
      if (atMs !== undefined) return atMs;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

/** Ends a center and resolves with when its handler had each alarm. */
async function stampsOf(center: Child): Promise<Record<string, number>> {
  await center.stop();
  const line = await center.line(/^handled /);
  return JSON.parse(line.slice("handled ".length)) as Record<string, number>;
}
