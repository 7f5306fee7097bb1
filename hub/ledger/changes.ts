import { type SeqRange, toRanges } from "../../shared/alarm/identity.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Change, ChangeKind } from "../../shared/wire/change.ts";
import type { Runs } from "./runs.ts";

/** An alarm as a change names it. */
export interface ChangedAlarm {
  agentId: number;
  epoch: string;
  seq: number;
}

/** What changed, for alarms of any number of agents. */
export interface ChangeInput {
  kind: ChangeKind;
  atMs: number;
  center?: string;
  centers?: string[];
  operator?: string;
  note?: string;
  reason?: string;
}

/** Changes that one transaction has made, by agent: what the agents are told once it is committed. */
export type CommittedChanges = Map<number, Change[]>;

/**
 * The numbered list of changes. Custody rests on it: an agent that has applied the changes 1 to n, in order, knows all
 * that this ledger knew of its alarms at that moment.
 */
export class Changes {
  readonly #runs: Runs;
  readonly #next: Statement<[number], { change_n: number }>;
  readonly #last: Statement<[number], { change_n: number }>;
  readonly #add: Statement<[number, number, number, string]>;
  readonly #since: Statement<[number, number, number], { body: string }>;
  readonly #event: Statement<[number, number], { event: number }>;
  readonly #confirm: Statement<[number, number]>;
  readonly #prune: Statement<[number, number]>;
  #pending: CommittedChanges = new Map();

  constructor(db: SqliteDatabase, parts: { runs: Runs }) {
    this.#runs = parts.runs;
    this.#next = db.prepare("UPDATE agent SET change_n = change_n + 1 WHERE id = ? RETURNING change_n") as Statement<
      [number],
      { change_n: number }
    >;
    this.#last = db.prepare("SELECT change_n FROM agent WHERE id = ?") as Statement<[number], { change_n: number }>;
    this.#add = db.prepare("INSERT INTO change (agent_id, n, at, body) VALUES (?, ?, ?, ?)");
    this.#since = db.prepare("SELECT body FROM change WHERE agent_id = ? AND n > ? ORDER BY n LIMIT ?") as Statement<
      [number, number, number],
      { body: string }
    >;
    this.#event = db.prepare("SELECT event FROM change WHERE agent_id = ? AND n = ?") as Statement<
      [number, number],
      { event: number }
    >;
    this.#confirm = db.prepare("UPDATE agent SET confirmed_n = max(confirmed_n, ?) WHERE id = ?");
    this.#prune = db.prepare(
      "DELETE FROM change WHERE event IN (SELECT c.event FROM change c JOIN agent a ON a.id = c.agent_id " +
        "WHERE c.at < ? AND c.n <= a.confirmed_n ORDER BY c.event LIMIT ?)",
    );
  }

  /** Numbers and stores one change per agent that `alarms` belong to. To be called inside a transaction. */
  add(input: ChangeInput, alarms: readonly ChangedAlarm[]): void {
    for (const [agentId, own] of byAgent(alarms)) this.#addFor(agentId, input, toRanges(own));
  }

  #addFor(agentId: number, { atMs, ...rest }: ChangeInput, ids: SeqRange[]): void {
    const n = this.#next.get(agentId)?.change_n;
    if (n === undefined) throw new Error(`the ledger has no agent ${agentId}`);
    const change: Change = { n, ...rest, at: formatTime(atMs), ids };
    this.#add.run(agentId, n, atMs, JSON.stringify(change));
    const list = this.#pending.get(agentId);
    if (list === undefined) this.#pending.set(agentId, [change]);
    else list.push(change);
  }

  /** The changes of an agent after number `n`, at most `limit`. */
  since(agentId: number, n: number, limit: number): Change[] {
    return this.#since.all(agentId, n, limit).map((row) => JSON.parse(row.body) as Change);
  }

  /**
   * Whether the changes 1 to `n` that an agent has applied, and of which it was told last in `run`, are the ones in
   * this list. False if the ledger was restored from a copy older than what the agent knows, also where the numbers
   * were given again since. An agent without a run is of a version that knows none: of it only a number that was
   * never given is noticed.
   */
  hasTold(agentId: number, n: number, run: string | undefined): boolean {
    if (n <= 0) return true;
    if (n > (this.#last.get(agentId)?.change_n ?? 0)) return false;
    // What is no longer kept the agent has confirmed to this very list.
    return run === undefined || this.#runs.reaches(run, this.#event.get(agentId, n)?.event ?? 0);
  }

  /** The agent has applied and synced everything up to `n`. */
  confirm(agentId: number, n: number): void {
    this.#confirm.run(n, agentId);
  }

  /** Removes up to `limit` changes from before `beforeMs` that their agents have confirmed; how many it were. */
  prune(beforeMs: number, limit: number): number {
    return this.#prune.run(beforeMs, limit).changes;
  }

  /** Hands over what the last transaction has added. */
  take(): CommittedChanges {
    const taken = this.#pending;
    if (taken.size > 0) this.#pending = new Map();
    return taken;
  }

  /** Drops what a transaction that failed had added. */
  forget(): void {
    this.#pending = new Map();
  }
}

function byAgent(alarms: readonly ChangedAlarm[]): Map<number, ChangedAlarm[]> {
  const groups = new Map<number, ChangedAlarm[]>();
  for (const alarm of alarms) {
    const group = groups.get(alarm.agentId);
    if (group === undefined) groups.set(alarm.agentId, [alarm]);
    else group.push(alarm);
  }
  return groups;
}
