import { memoryOf } from "./child.ts";
import { HttpConnection } from "./http-connection.ts";
import { queueProgress, raiseMany } from "./load.ts";
import { type BenchRelay, NO_LINK, pause } from "./relay.ts";

/**
 * How often it is looked for the first alarm that was relayed, and for the last that was settled. Each look is a request:
 * at every 20 ms they took a seventh of the agent's CPU.
 */
const LOOK_MS = 100;

/** Has an agent accept low alarms that it cannot relay, and ends it: what accepting took of memory is not the drain's. */
export async function gather(
  relay: BenchRelay,
  agent: string,
  count: number,
): Promise<{ acceptPerSecond: number; rssBytesMax: number }> {
  const acceptor = await relay.startAgent({ agent, ...NO_LINK });
  const acceptPerSecond = await raiseMany(acceptor.url, count, "other");
  const { rssBytesMax } = memoryOf(acceptor.pid);
  await acceptor.stop();
  return { acceptPerSecond, rssBytesMax };
}

/** Drains a smaller backlog of another agent: hub and centers have run for long when a link comes back. */
export async function warmUp(relay: BenchRelay, count: number): Promise<void> {
  await gather(relay, "gw-0", count);
  const agent = await relay.startAgent({ agent: "gw-0" });
  await drained([agent.url]);
  await agent.stop();
}

/** Resolves with the seconds from the first PubAck of any of the agents until nothing at any of them is unsettled. */
export async function drained(agentUrls: readonly string[]): Promise<number> {
  const agents = await Promise.all(agentUrls.map((url) => HttpConnection.open(url)));
  let startMs = performance.now();
  for (let isUnderWay = false; ; ) {
    const lookMs = performance.now();
    const progress = await Promise.all(agents.map(queueProgress));
    isUnderWay ||= progress.some(({ hasRelayed }) => hasRelayed);
    // What is not under way at this look began after it.
    if (!isUnderWay) startMs = lookMs;
    if (progress.every(({ unsettled }) => unsettled === 0)) break;
    await pause(LOOK_MS);
  }
  for (const agent of agents) agent.close();
  return (performance.now() - startMs) / 1_000;
}
