import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { counted } from "../../shared/runtime/words.ts";
import { OWN_AGENT } from "../../shared/wire/subjects.ts";
import { isConnected, type PresenceBoard } from "../intake/presence.ts";
import type { LostEpoch } from "../ledger/declarations.ts";
import type { Hole } from "../ledger/gaps.ts";
import type { Ledger } from "../ledger/ledger.ts";

export interface GatewayWatchOptions {
  ledger: Ledger;
  presence: Pick<PresenceBoard, "get">;
  log: Logger;
  /** False while the logs are not followed to their end: what is missing may lie there. */
  caughtUp: () => boolean;
  /** How long a hole must stay, beyond the age of all that its agent still has to relay. */
  graceMs?: number;
  everyMs?: number;
}

/** An agent names its losses at most once a minute; that alarm needs some time, too. */
const GRACE_MS = 120_000;
const EVERY_MS = 10_000;

/**
 * Judges what gateways declare against what the ledger has seen.
 *
 * - A hole is a gap when its agent cannot fill it any more. Every alarm in it was accepted before the hole was noticed;
 *   once all that the agent has unsettled is younger than that, and a time of grace is over, nobody has those alarms.
 *   If no loss report names them either, they are told as one alarm with the ranges, once.
 * - An agent that says less of its epochs than was known, twice in a row, runs on an older copy of its database, on
 *   another one, or is another gateway under the same name.
 */
export class GatewayWatch {
  readonly #options: GatewayWatchOptions;
  readonly #loop: Loop;
  #noticed: { hole: Hole; atMs: number }[] = [];
  readonly #suspects = new Map<number, number>();

  constructor(options: GatewayWatchOptions) {
    this.#options = options;
    const { log, everyMs = EVERY_MS } = options;
    this.#loop = new Loop(() => this.#step(), { name: "watching gateways", log, idleMs: everyMs });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(): Promise<StepResult> {
    const { ledger, caughtUp } = this.#options;
    if (!caughtUp()) return "idle";
    const told = ledger.gaps.told();
    const holes = ledger.gaps.holes();
    const filled = told.filter((gap) => !holes.some((hole) => touches(hole, gap)));
    const gaps = byAgent(this.#lasting(holes.filter((hole) => !told.some((gap) => covers(gap, hole)))));
    const lost = this.#lostEpochs();
    if (filled.length + gaps.size + lost.size === 0) return "idle";
    await ledger.write(() => {
      for (const gap of filled) ledger.gaps.removeTold(gap);
      for (const [agentId, own] of byAgent(filled)) this.#tellFilled(agentId, own);
      for (const [agentId, own] of gaps) this.#tellGaps(agentId, own);
      for (const [agentId, epochs] of lost) this.#tellLost(agentId, epochs);
    });
    return "idle";
  }

  /** The holes that have stayed for so long that nobody can fill them any more. */
  #lasting(holes: readonly Hole[]): Hole[] {
    const { ledger, presence, graceMs = GRACE_MS } = this.#options;
    const nowMs = performance.now();
    const before = this.#noticed;
    // A hole that has shrunk is as old as the one that it was.
    this.#noticed = holes.map((hole) => ({
      hole,
      atMs: before.find((earlier) => covers(earlier.hole, hole))?.atMs ?? nowMs,
    }));
    const lasting = this.#noticed.filter(({ hole, atMs }) => {
      const heard = presence.get(ledger.names.agentName(hole.agentId));
      if (heard?.presence === undefined || !isConnected(heard, Date.now())) return false;
      if (ledger.declarations.countOf(hole.agentId) === 0) return false;
      return nowMs - atMs >= graceMs + Math.max(0, heard.presence.queue.oldestUnsettledMs);
    });
    return lasting.map(({ hole }) => hole);
  }

  /** Epochs of which their agents have said too little in two declarations. */
  #lostEpochs(): Map<number, LostEpoch[]> {
    const { declarations } = this.#options.ledger;
    const found = new Map<number, LostEpoch[]>();
    const still = new Set<number>();
    for (const agentId of declarations.agents()) {
      const lost = declarations.lost(agentId);
      const count = declarations.countOf(agentId);
      // In between, an agent may have asked before it had used an epoch that we know by now: only the very next one counts.
      const confirmed = lost.filter(({ id }) => this.#suspects.get(id) === count - 1);
      for (const { id } of lost) {
        still.add(id);
        if (this.#suspects.get(id) !== count) this.#suspects.set(id, count);
      }
      if (confirmed.length > 0) found.set(agentId, confirmed);
    }
    for (const id of this.#suspects.keys()) if (!still.has(id)) this.#suspects.delete(id);
    return found;
  }

  #tellGaps(agentId: number, holes: readonly Hole[]): void {
    const { ledger, log } = this.#options;
    const agent = ledger.names.agentName(agentId);
    const alarms = holes.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    for (const hole of holes) ledger.gaps.addTold(hole, Date.now());
    if (agent === OWN_AGENT) return;
    const what = counted(alarms, "alarm");
    const text = `${what} of ${agent} missing: accepted there, never relayed, and no longer kept there`;
    log.error(`${text}: ${rangesOf(agent, holes).slice(0, 10).join(", ")}`);
    this.#tell("gap", agent, text, rangesOf(agent, holes));
  }

  #tellFilled(agentId: number, holes: readonly Hole[]): void {
    const agent = this.#options.ledger.names.agentName(agentId);
    this.#tell("gap-filled", agent, `Alarms of ${agent} that were missing have come after all`, rangesOf(agent, holes));
  }

  #tellLost(agentId: number, epochs: readonly LostEpoch[]): void {
    const { ledger, log } = this.#options;
    const agent = ledger.names.agentName(agentId);
    for (const { id } of epochs) ledger.declarations.markTold(id);
    const names = epochs.map(({ name, lastSeq, declaredSeq }) => {
      const known = `${agent}.${name}.${lastSeq} was its last`;
      return declaredSeq === undefined ? `${known}, now it is unknown` : `${known}, now it is ${declaredSeq}`;
    });
    const text =
      `${agent} knows less of its own alarms than the hub: its database was lost or restored from an older copy, ` +
      "or another gateway uses its name";
    log.error(`${text}: ${names.slice(0, 10).join("; ")}`);
    this.#tell("gateway-restored", agent, text, names);
  }

  #tell(kind: string, agent: string, text: string, names: readonly string[]): void {
    const notice = { kind, subject: agent, category: "supervision", priority: "high", text, names } as const;
    this.#options.ledger.own.tell(notice, Date.now());
  }
}

function touches(a: Hole, b: Hole): boolean {
  return a.epochId === b.epochId && a.first <= b.last && b.first <= a.last;
}

function covers(outer: Hole, inner: Hole): boolean {
  return outer.epochId === inner.epochId && outer.first <= inner.first && inner.last <= outer.last;
}

function rangesOf(agent: string, holes: readonly Hole[]): string[] {
  return holes.map(({ epoch, first, last }) => `${agent}.${epoch}.${first === last ? first : `${first}-${last}`}`);
}

function byAgent(holes: readonly Hole[]): Map<number, Hole[]> {
  const groups = new Map<number, Hole[]>();
  for (const hole of holes) {
    const group = groups.get(hole.agentId);
    if (group === undefined) groups.set(hole.agentId, [hole]);
    else group.push(hole);
  }
  return groups;
}
