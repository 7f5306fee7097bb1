import type { CenterConfig } from "../config.ts";
import { type AgentPresence, isConnected } from "../intake/presence.ts";

/** What the HTTP interface and the metrics need to know of the running hub, beyond its ledger. Read at every request. */
export interface HubStatus {
  /** Why the link to NATS is down, in words; undefined while it is up. */
  readonly linkDownReason: string | undefined;
  /** Why the ledger cannot store anything, in words; undefined while it can. */
  readonly storeTrouble: string | undefined;
  /** True once all logs are followed to the end that they had when the hub connected. */
  readonly caughtUp: boolean;
  /** The centers of the configuration in force. */
  readonly centers: readonly CenterConfig[];
  /** The ids of the centers as which somebody listens. */
  readonly listening: ReadonlySet<string>;
  /** The last heartbeat of every agent that was heard since the start. */
  readonly agents: ReadonlyMap<string, AgentPresence>;
}

/**
 * What is heard of an agent: it beats, it has fallen silent, it said that it stops, or it was not heard since the hub
 * started.
 */
export type AgentState = "connected" | "silent" | "stopped" | "unheard";

/** How many agents are in each state, of `known` that the ledger has heard of. */
export function countAgents({ agents }: HubStatus, known: number, nowMs: number): Record<AgentState, number> {
  const counts = { connected: 0, silent: 0, stopped: 0, unheard: 0 };
  for (const heard of agents.values()) counts[agentState(heard, nowMs)] += 1;
  counts.unheard = Math.max(0, known - agents.size);
  return counts;
}

export function agentState(heard: AgentPresence | undefined, nowMs: number): AgentState {
  if (heard === undefined) return "unheard";
  if (heard.presence?.leaving === true) return "stopped";
  return isConnected(heard, nowMs) ? "connected" : "silent";
}
