import { isToken } from "../../shared/alarm/identity.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import type { Presence } from "../../shared/wire/presence.ts";
import { lastToken, SUBJECTS } from "../../shared/wire/subjects.ts";

/** What the hub has heard of an agent since it started. */
export interface AgentPresence {
  /** Its last heartbeat; undefined if it has only asked for changes. */
  presence: Presence | undefined;
  heardAtMs: number;
}

/** What an agent beats at, unless it has said so itself. */
const HEARTBEAT_MS = 30_000;

/** An agent is taken for silent after this many heartbeats that did not come. */
const MISSED_MAX = 3;

/**
 * Keeps the last heartbeat of every agent, and when it was heard last. Heartbeats are hints: what counts lies in the
 * logs. An agent that asks for changes is heard too: after a start of the hub it does so before its next heartbeat.
 */
export class PresenceBoard {
  readonly #agents = new Map<string, AgentPresence>();
  readonly #onHeard: (presence: Presence) => void;

  constructor(link: NatsLink, onHeard: (presence: Presence) => void) {
    this.#onHeard = onHeard;
    link.subscribe(SUBJECTS.allPresence, (payload, subject) => this.#hear(payload, lastToken(subject)));
  }

  get(agent: string): AgentPresence | undefined {
    return this.#agents.get(agent);
  }

  all(): ReadonlyMap<string, AgentPresence> {
    return this.#agents;
  }

  /** An agent has asked for something. What it said about leaving stands until its next heartbeat. */
  asked(agent: string): void {
    this.#agents.set(agent, { presence: this.#agents.get(agent)?.presence, heardAtMs: Date.now() });
  }

  #hear(payload: string, agent: string): void {
    let presence: Presence;
    try {
      presence = JSON.parse(payload) as Presence;
    } catch {
      return; // A hint that cannot be read says nothing; the next one comes.
    }
    if (presence?.agent !== agent || typeof presence.heartbeatMs !== "number") return;
    if (typeof presence.epoch !== "string" || !isToken(presence.epoch)) return;
    this.#agents.set(agent, { presence, heardAtMs: Date.now() });
    this.#onHeard(presence);
  }
}

/** True while an agent beats, and has not said that it is leaving. */
export function isConnected({ presence, heardAtMs }: AgentPresence, nowMs: number): boolean {
  return presence?.leaving !== true && nowMs - heardAtMs < (presence?.heartbeatMs ?? HEARTBEAT_MS) * MISSED_MAX;
}
