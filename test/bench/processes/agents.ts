import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "../../../shared/alarm/report.ts";
import { createLogger } from "../../../shared/runtime/log.ts";
import { serveControl } from "../control.ts";
import { report } from "../load.ts";
import { built } from "../product.ts";

/** Reports that arrive together at one agent, and are accepted by one synced commit. */
const REPORTS_PER_COMMIT = 10;

// Many agents in one process: each with a queue, a connection and an epoch of its own, as if it were alone. Their
// reports are handed to the queues directly, since fifty HTTP clients would cost more than what is measured.
const [servers = "", dir = "", count = ""] = process.argv.slice(2);
const { createAgent } = await built<typeof import("../../../agent/agent.ts")>("agent/agent.js");
const { loadAgentConfig } = await built<typeof import("../../../agent/config.ts")>("agent/config.js");

const agents = await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const name = `gw-${i + 1}`;
    const config = loadAgentConfig({
      text: JSON.stringify({
        agent: name,
        dataDir: join(dir, name),
        nats: { servers: [servers] },
        inputs: { http: { listen: "127.0.0.1:0" } },
        log: { level: "warn" },
      }),
      env: {},
    });
    const agent = createAgent(config, { log: createLogger(name, config.log) });
    await agent.start();
    return agent;
  }),
);
process.once("SIGTERM", () => {
  void Promise.all(agents.map((agent) => agent.stop())).then(() => process.exit());
});

/** Has the agents accept reports in turn at a steady pace; resolves with the pace that was kept. */
async function raise({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<number> {
  const commits = Math.ceil((perSecond * seconds) / REPORTS_PER_COMMIT);
  const everyMs = (REPORTS_PER_COMMIT * 1_000) / perSecond;
  const startMs = performance.now();
  const accepting: Promise<unknown>[] = [];
  for (let commit = 0; commit < commits; commit++) {
    const waitMs = startMs + commit * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const reports = Array.from({ length: REPORTS_PER_COMMIT }, (_, i) =>
      report(commit * REPORTS_PER_COMMIT + i, "intrusion"),
    );
    const agent = agents[commit % agents.length];
    if (agent !== undefined) accepting.push(agent.queue.accept(reports as Report[], { input: "http" }));
  }
  await Promise.all(accepting);
  return (commits * REPORTS_PER_COMMIT * 1_000) / (performance.now() - startMs);
}

await serveControl({
  raise,
  unsettled: () => {
    const lanes = agents.flatMap(({ queue }) => Object.values(queue.summary().rows));
    return lanes.reduce((sum, lane) => sum + lane.accepted + lane.relayed + lane.held, 0);
  },
});
