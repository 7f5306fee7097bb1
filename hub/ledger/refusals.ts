import { parseAlarmId } from "../../shared/alarm/identity.ts";
import { OWN_AGENT } from "../../shared/wire/subjects.ts";
import type { Changes } from "./changes.ts";
import type { Names } from "./names.ts";
import type { Retell } from "./retell.ts";
import type { Seen } from "./seen.ts";

/** An alarm that cannot be held, although its id can be read. */
export interface RefusedAlarm {
  id: string;
  reason: string;
  /** Its agent has sent it again on purpose: it has not heard of the refusal. */
  relayedAgain: boolean;
}

/**
 * Ends what the hub cannot hold. The edge would relay such an alarm for ever; instead it is told that the hub itself
 * refuses it, with the reason, and that nothing more is owed. The fault keeps its content, and an own alarm names it.
 */
export class Refusals {
  readonly #names: Names;
  readonly #seen: Seen;
  readonly #changes: Changes;
  readonly #retell: Retell;

  constructor(parts: { names: Names; seen: Seen; changes: Changes; retell: Retell }) {
    this.#names = parts.names;
    this.#seen = parts.seen;
    this.#changes = parts.changes;
    this.#retell = parts.retell;
  }

  /** Settles it at the edge; false if that was done before. To be called inside a transaction. */
  refuse({ id, reason, relayedAgain }: RefusedAlarm, nowMs: number): boolean {
    const identity = parseAlarmId(id);
    if (identity === undefined) return false;
    const { agent, epoch, seq } = identity;
    const agentId = this.#names.agentId(agent, nowMs);
    const epochId = this.#names.epochId(agentId, epoch);
    const alarm = { agentId, epoch, epochId, seq };
    if (this.#seen.has(epochId, seq)) {
      if (relayedAgain) this.#retell.tell([alarm], nowMs);
      return false;
    }
    this.#seen.add(epochId, [seq]);
    this.#changes.add({ kind: "dead", atMs: nowMs, center: OWN_AGENT, reason }, [alarm]);
    this.#changes.add({ kind: "settled", atMs: nowMs }, [alarm]);
    return true;
  }
}
