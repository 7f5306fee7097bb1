import { messageOf } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { Presence } from "../../shared/wire/presence.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** A heartbeat may be late; one that comes after this many intervals says nothing about two at a time. */
const INTERVALS_MAX = 3;
/** How often an epoch must have come back after another one had beaten: one late heartbeat makes two. */
const RETURNS_MIN = 3;
const TELL_EVERY_MS = 3_600_000;

interface Heard {
  current: string;
  heardAtMs: Map<string, number>;
  returns: number;
}

/**
 * Notices two gateways under one name: a copied card beside its original, or a name that was given twice. Every start
 * has an epoch of its own, and one that has ended never beats again; so two epochs that beat in turns are two processes.
 */
export class CloneWatch {
  readonly #ledger: Ledger;
  readonly #log: Logger;
  readonly #agents = new Map<string, Heard>();
  readonly #toldAtMs = new Map<string, number>();

  constructor(parts: { ledger: Ledger; log: Logger }) {
    this.#ledger = parts.ledger;
    this.#log = parts.log;
  }

  /** A heartbeat has come at `nowMs` of a monotonic clock. */
  hear({ agent, epoch, heartbeatMs, leaving }: Presence, nowMs: number): void {
    const heard = this.#agents.get(agent) ?? { current: epoch, heardAtMs: new Map<string, number>(), returns: 0 };
    this.#agents.set(agent, heard);
    for (const [name, atMs] of heard.heardAtMs) {
      if (nowMs - atMs > INTERVALS_MAX * heartbeatMs) heard.heardAtMs.delete(name);
    }
    const other = heard.current;
    if (epoch !== other) {
      heard.returns = heard.heardAtMs.has(epoch) ? heard.returns + 1 : 0;
      heard.current = epoch;
    } else if (heard.heardAtMs.size < 2) heard.returns = 0;
    if (leaving) heard.heardAtMs.delete(epoch);
    else heard.heardAtMs.set(epoch, nowMs);
    if (heard.returns >= RETURNS_MIN) this.#tell(agent, [epoch, other], nowMs);
  }

  #tell(agent: string, pair: [string, string], nowMs: number): void {
    const key = `${agent} ${[...pair].sort().join(" ")}`;
    const toldAtMs = this.#toldAtMs.get(key);
    if (toldAtMs !== undefined && nowMs - toldAtMs < TELL_EVERY_MS) return;
    for (const [known, atMs] of this.#toldAtMs) if (nowMs - atMs >= TELL_EVERY_MS) this.#toldAtMs.delete(known);
    this.#toldAtMs.set(key, nowMs);
    const text = `Two gateways run under the name ${agent}, in the epochs ${pair.join(" and ")}: give one another name`;
    this.#log.error(text);
    const notice = { kind: "gateway-cloned", subject: agent, category: "supervision", priority: "high", text } as const;
    this.#ledger
      .write(() => this.#ledger.own.tell(notice, Date.now()))
      .catch((error: unknown) => {
        this.#toldAtMs.delete(key);
        this.#log.error(`the ledger could not store an alarm of the hub's own: ${messageOf(error)}`);
      });
  }
}
