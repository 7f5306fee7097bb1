import { setTimeout as sleep } from "node:timers/promises";
import { serveControl } from "../control.ts";
import { WireAgent } from "../wire-agent.ts";

/** How often each agent beats and asks, as the shipped one does. */
const EVERY_MS = 30_000;
const CONNECTING_MAX = 100;

// A fleet of agents in one process, each with a connection of its own. Their beats and questions are spread evenly.
const [port = ""] = process.argv.slice(2);
const agents: WireAgent[] = [];
const timers: NodeJS.Timeout[] = [];

/** Connects so many agents, of which each has then beaten once and had an answer from the hub. */
async function connect(count: number): Promise<void> {
  for (let i = 1; i <= count; i++) agents.push(new WireAgent(`gw-${i}`));
  const waiting = agents.values();
  const connectSome = async (): Promise<void> => {
    for (const agent of waiting) {
      await agent.connect(Number(port));
      agent.beat();
      expectChanges(await agent.ask());
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_MAX }, connectSome));
  agents.forEach((agent, i) => {
    const begin = (): void => {
      timers.push(setInterval(() => void beatAndAsk(agent), EVERY_MS));
    };
    timers.push(setTimeout(begin, (i * EVERY_MS) / count));
  });
}

async function beatAndAsk(agent: WireAgent): Promise<void> {
  agent.beat();
  expectChanges(await agent.ask());
}

function expectChanges(answer: string): void {
  if (!answer.includes('"changes":')) throw new Error(`the hub answered ${answer}`);
}

/** Every agent raises one alarm, evenly within `seconds`. Resolves with the time at which the last one did. */
async function raise(seconds: number): Promise<number> {
  const everyMs = (seconds * 1_000) / agents.length;
  const startMs = performance.now();
  const relaying: Promise<string>[] = [];
  for (const [i, agent] of agents.entries()) {
    const waitMs = startMs + i * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    relaying.push(agent.raise());
  }
  const lastMs = Date.now();
  for (const answer of await Promise.all(relaying)) {
    if (!answer.includes('"seq":')) throw new Error(`the server answered ${answer}`);
  }
  return lastMs;
}

process.once("SIGTERM", () => {
  for (const agent of agents) agent.close();
  process.exit();
});

await serveControl({
  connect,
  raise,
  received: () => agents.filter(({ isReceived }) => isReceived).length,
});
