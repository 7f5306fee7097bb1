import { type AlarmIdentity, parseAlarmId, toRanges } from "../../shared/alarm/identity.ts";
import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { ChangedAlarm } from "./changes.ts";
import type { Names } from "./names.ts";

/** An alarm of the ledger, as deliveries and changes refer to it. */
export interface AlarmRef extends ChangedAlarm {
  n: number;
  lane: Lane;
}

/** Finds the rows behind ids, a run of neighbouring ids at a time. */
export class Refs {
  readonly #names: Names;
  /** Raw, since an object per row would take longer than the rest of the look-up. */
  readonly #run: Statement<[number, number, number], [n: number, lane: Lane, seq: number]>;

  constructor(db: SqliteDatabase, names: Names) {
    this.#names = names;
    this.#run = db
      .prepare("SELECT n, lane, seq FROM alarm WHERE epoch_id = ? AND seq BETWEEN ? AND ?")
      .raw() as Statement<[number, number, number], [n: number, lane: Lane, seq: number]>;
  }

  /** The rows of `ids`, and the identities among them that the ledger does not hold. */
  find(ids: readonly string[]): { found: AlarmRef[]; missing: AlarmIdentity[] } {
    const found: AlarmRef[] = [];
    const missing: AlarmIdentity[] = [];
    for (const [agent, identities] of groupByAgent(ids)) {
      const agentId = this.#names.knownAgentId(agent);
      for (const [epoch, first, last] of toRanges(identities)) {
        const epochId = agentId === undefined ? undefined : this.#names.knownEpochId(agentId, epoch);
        const rows = epochId === undefined ? [] : this.#run.all(epochId, first, last);
        for (const [n, lane, seq] of rows) found.push({ n, lane, agentId: agentId as number, epoch, seq });
        if (rows.length === last - first + 1) continue;
        const held = new Set(rows.map(([, , seq]) => seq));
        for (let seq = first; seq <= last; seq++) if (!held.has(seq)) missing.push({ agent, epoch, seq });
      }
    }
    return { found, missing };
  }
}

function groupByAgent(ids: readonly string[]): Map<string, AlarmIdentity[]> {
  const groups = new Map<string, AlarmIdentity[]>();
  for (const id of ids) {
    const identity = parseAlarmId(id);
    if (identity === undefined) continue;
    const group = groups.get(identity.agent);
    if (group === undefined) groups.set(identity.agent, [identity]);
    else group.push(identity);
  }
  return groups;
}
