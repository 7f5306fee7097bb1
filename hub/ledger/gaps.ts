import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** Sequence numbers of one epoch that were given to alarms and never held, both ends included. */
export interface Hole {
  agentId: number;
  epochId: number;
  epoch: string;
  first: number;
  last: number;
}

interface EpochRow {
  id: number;
  agent_id: number;
  name: string;
  base: number;
  last: number;
}

interface Run {
  first: number;
  last: number;
}

/**
 * The holes in what was seen: between the base of an epoch and the highest number that was declared or held, without
 * what its agent says it had to give up. Most are alarms on their way, since lanes interleave; which of them are gaps
 * is judged by who knows what gateways still have. What was told as a gap stays on record until it is filled.
 */
export class Gaps {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: SqliteDatabase) {
    this.#statements = prepare(db);
  }

  /** Every hole that is not explained. */
  holes(): Hole[] {
    return this.#statements.incomplete.all().flatMap((epoch) => {
      const runs = [...this.#statements.seen.all(epoch.id), ...this.#statements.lost.all(epoch.id)];
      return holesBetween(runs, epoch.base + 1, epoch.last).map(({ first, last }) => ({
        agentId: epoch.agent_id,
        epochId: epoch.id,
        epoch: epoch.name,
        first,
        last,
      }));
    });
  }

  /** What was told and is not filled yet. */
  told(): Hole[] {
    return this.#statements.told.all();
  }

  /** To be called inside a transaction, as everything that follows. */
  addTold({ epochId, first, last }: Hole, nowMs: number): void {
    this.#statements.addTold.run(epochId, first, last, nowMs);
  }

  removeTold({ epochId, first }: Hole): void {
    this.#statements.removeTold.run(epochId, first);
  }

  /** Its agent says that these are lost: they are no gap. */
  explain(epochId: number, [, first, last]: SeqRange): void {
    this.#statements.explain.run(epochId, first, last);
  }
}

/** What `runs` leave open between two numbers. */
function holesBetween(runs: readonly Run[], first: number, last: number): Run[] {
  const holes: Run[] = [];
  let next = first;
  for (const run of [...runs].sort((a, b) => a.first - b.first)) {
    if (run.first > last) break;
    if (run.first > next) holes.push({ first: next, last: run.first - 1 });
    next = Math.max(next, run.last + 1);
  }
  if (next <= last) holes.push({ first: next, last });
  return holes;
}

function prepare(db: SqliteDatabase) {
  const runs = "SELECT first_seq AS first, last_seq AS last";
  return {
    // Only agents that have declared something: of others it is not known what they have.
    incomplete: db.prepare(
      `WITH known AS (
         SELECT e.id, e.agent_id, e.name, max(e.base_seq, coalesce(e.first_seq, min(s.first_seq), 1) - 1) AS base,
           max(coalesce(e.last_seq, 0), coalesce(max(s.last_seq), 0)) AS last
         FROM agent a JOIN epoch e ON e.agent_id = a.id LEFT JOIN seen s ON s.epoch_id = e.id
         WHERE a.base_ledger IS NOT NULL GROUP BY e.id)
       SELECT k.* FROM known k WHERE k.last > k.base AND k.last - k.base > (
         SELECT coalesce(sum(s.last_seq - max(s.first_seq, k.base + 1) + 1), 0) FROM seen s
         WHERE s.epoch_id = k.id AND s.last_seq > k.base)`,
    ) as Statement<[], EpochRow>,
    seen: db.prepare(`${runs} FROM seen WHERE epoch_id = ?`) as Statement<[number], Run>,
    lost: db.prepare(`${runs} FROM lost_range WHERE epoch_id = ?`) as Statement<[number], Run>,
    explain: db.prepare("INSERT OR IGNORE INTO lost_range (epoch_id, first_seq, last_seq) VALUES (?, ?, ?)"),
    told: db.prepare(
      "SELECT e.agent_id AS agentId, e.id AS epochId, e.name AS epoch, g.first_seq AS first, g.last_seq AS last " +
        "FROM gap g JOIN epoch e ON e.id = g.epoch_id",
    ) as Statement<[], Hole>,
    addTold: db.prepare("INSERT OR REPLACE INTO gap (epoch_id, first_seq, last_seq, told_at) VALUES (?, ?, ?, ?)"),
    removeTold: db.prepare("DELETE FROM gap WHERE epoch_id = ? AND first_seq = ?"),
  };
}
