import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Names } from "./names.ts";

/** An epoch of which an agent now says less than the ledger knows. */
export interface LostEpoch {
  id: number;
  name: string;
  /** The highest seq that was declared or held before. */
  lastSeq: number;
  /** What the agent says now; undefined if it does not know the epoch any more. */
  declaredSeq: number | undefined;
}

interface Declared {
  epochs: readonly SeqRange[];
  /** Counts the declarations of one agent that this process has heard. */
  count: number;
}

/**
 * What agents declare of their epochs. The first declaration that a ledger hears of an agent is its base: what lies
 * below may have been held and settled under an older ledger, and is not missed by this one.
 */
export class Declarations {
  readonly #names: Names;
  readonly #latest = new Map<number, Declared>();
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: SqliteDatabase, parts: { names: Names }) {
    this.#names = parts.names;
    this.#statements = prepare(db);
  }

  /** Notes what an agent declares to the ledger of that id. To be called inside a transaction. */
  declare(agentId: number, ledgerId: string, epochs: readonly SeqRange[]): void {
    const before = this.#latest.get(agentId);
    this.#latest.set(agentId, { epochs, count: (before?.count ?? 0) + 1 });
    const isBase = this.#statements.base.get(agentId)?.base_ledger !== ledgerId;
    const known = new Map(before?.epochs.map(([epoch, first, last]) => [epoch, `${first}-${last}`]));
    for (const [epoch, first, last] of epochs) {
      if (!isBase && known.get(epoch) === `${first}-${last}`) continue;
      const id = this.#names.epochId(agentId, epoch);
      this.#statements.declare.run({ first, last, base: isBase ? last : 0, id });
    }
    if (isBase) this.#statements.setBase.run(ledgerId, agentId);
  }

  /** How many declarations of an agent this process has heard. */
  countOf(agentId: number): number {
    return this.#latest.get(agentId)?.count ?? 0;
  }

  /** The agents that have declared since the process started. */
  agents(): IterableIterator<number> {
    return this.#latest.keys();
  }

  /** The epochs of which the agent's latest declaration says less than was known, unless that was told already. */
  lost(agentId: number): LostEpoch[] {
    const declared = this.#latest.get(agentId)?.epochs ?? [];
    const newest = declared.at(-1)?.[0];
    const lastOf = new Map(declared.map(([epoch, , last]) => [epoch, last]));
    return (
      this.#statements.untold
        .all(agentId)
        .map(({ id, name, last_seq }) => ({ id, name, lastSeq: last_seq, declaredSeq: lastOf.get(name) }))
        // Of the newest epoch more may have been followed meanwhile than its agent had when it asked.
        .filter(({ name, lastSeq, declaredSeq }) => name !== newest && lastSeq > (declaredSeq ?? 0))
    );
  }

  /** It was told that the agent has lost this epoch. To be called inside a transaction. */
  markTold(epochId: number): void {
    this.#statements.markTold.run(epochId);
  }

  /** Drops what is in memory, after a transaction that failed: agents declare again. */
  forget(): void {
    this.#latest.clear();
  }
}

function prepare(db: SqliteDatabase) {
  return {
    base: db.prepare("SELECT base_ledger FROM agent WHERE id = ?") as Statement<
      [number],
      { base_ledger: string | null }
    >,
    setBase: db.prepare("UPDATE agent SET base_ledger = ? WHERE id = ?"),
    declare: db.prepare(
      "UPDATE epoch SET first_seq = min(coalesce(first_seq, $first), $first), " +
        "last_seq = max(coalesce(last_seq, 0), $last), base_seq = max(base_seq, $base) WHERE id = $id",
    ),
    untold: db.prepare(
      "SELECT e.id, e.name, max(coalesce(e.last_seq, 0), coalesce((SELECT max(s.last_seq) FROM seen s " +
        "WHERE s.epoch_id = e.id), 0)) AS last_seq FROM epoch e WHERE e.agent_id = ? AND e.told = 0",
    ) as Statement<[number], { id: number; name: string; last_seq: number }>,
    markTold: db.prepare("UPDATE epoch SET told = 1 WHERE id = ?"),
  };
}
