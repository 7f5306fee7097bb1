import { readFileSync } from "node:fs";
import { eventually } from "../../helpers/eventually.ts";
import { cpuSecondsOf, memoryOf, natsServerBelow } from "../child.ts";
import type { CenterStats } from "../processes/centers.ts";
import { BenchRelay, pause } from "../relay.ts";
import { atMost, type Scenario } from "../scenario.ts";

/** Beside the connections: the streams, the ledger, what a process has open anyway. */
const OTHER_FILES = 500;
const RAISE_SECONDS = 5;
const WITHIN = { timeoutMs: 300_000, everyMs: 10 };

/**
 * Ten thousand agents at one hub, each with a connection of its own, beating and asking every 30 s as they do; then each
 * raises one alarm within 5 s. They are agents on the wire only (`WireAgent`), all in one process: ten thousand queues
 * on one disk would measure that disk. Each alarm is a frame, which nothing can be gathered with.
 */
export const fleet: Scenario = {
  name: "fleet",
  title: "10,000 connected agents, each of which raises one alarm within 5 s",
  runs: () => 1,
  bars: [atMost("all received, after the last was raised", 5, "s")],
  run: async ({ quick }) => {
    const agents = quick ? 1_000 : 10_000;
    assertOpenFiles(agents + OTHER_FILES);
    const relay = await BenchRelay.create();
    try {
      const hub = await relay.startHub(["arc-1"]);
      const natsPid = natsServerBelow(hub.pid);
      const centers = await relay.startHelper("centers", [relay.natsUrl, relay.dir, "arc-1"]);
      const fleet = await relay.startHelper("fleet", [new URL(relay.natsUrl).port]);
      const connectMs = performance.now();
      await fleet.call("connect", agents);
      const connectSeconds = (performance.now() - connectMs) / 1_000;
      const idleSeconds = quick ? 2 : 30;
      const idleBefore = cpuSecondsOf(hub.pid);
      await pause(idleSeconds * 1_000);
      const idleCpu = cpuSecondsOf(hub.pid) - idleBefore;
      const before = [hub.pid, natsPid].map(cpuSecondsOf);
      const lastMs = await fleet.call<number>("raise", quick ? RAISE_SECONDS / 5 : RAISE_SECONDS);
      const received = async (): Promise<boolean> => (await centers.call<CenterStats>("stats")).received >= agents;
      await eventually("the center has received every alarm", received, WITHIN);
      const receivedSeconds = (Date.now() - lastMs) / 1_000;
      const told = async (): Promise<boolean> => (await fleet.call<number>("received")) === agents;
      await eventually("every agent has heard of it", told, WITHIN);
      const toldSeconds = (Date.now() - lastMs) / 1_000;
      const [hubCpu = 0, natsCpu = 0] = [hub.pid, natsPid].map((pid, i) => cpuSecondsOf(pid) - (before[i] ?? 0));
      const { high } = (await centers.call<CenterStats>("stats")).waits;
      return [
        { name: "agents", unit: "agents", value: agents },
        { name: "all connected and answered", unit: "s", value: connectSeconds },
        { name: "hub CPU, connected and quiet", unit: "%", value: (idleCpu / idleSeconds) * 100 },
        { name: "all received, after the last was raised", unit: "s", value: receivedSeconds },
        { name: "all told at the edge, after the last was raised", unit: "s", value: toldSeconds },
        { name: "raised to the center's handler, p99", unit: "ms", value: high.p99 },
        { name: "hub CPU, all alarms", unit: "CPU s", value: hubCpu },
        { name: "nats-server CPU, all alarms", unit: "CPU s", value: natsCpu },
        { name: "hub RSS", unit: "MB", value: memoryOf(hub.pid).rssBytes / 1e6 },
        { name: "nats-server RSS", unit: "MB", value: memoryOf(natsPid).rssBytes / 1e6 },
      ];
    } finally {
      await relay.stop();
    }
  },
};

/** Linux only. Node.js and nats-server raise their limit to the hard one by themselves. */
function assertOpenFiles(needed: number): void {
  const limit = /Max open files\s+\S+\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  if (limit !== undefined && Number(limit) < needed) {
    throw new Error(`a process may open ${limit} files, and this takes ${needed}: raise it with ulimit -Hn`);
  }
}
