import type { SeqRange } from "../../../shared/alarm/identity.ts";
import { formatTime } from "../../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";

/** What the ledger knows of an agent. */
export interface AgentRecord {
  agent: string;
  firstSeenAt: string;
  /** How many changes the hub has for it, and up to which number it has confirmed them. */
  changes: { last: number; confirmed: number };
  /** Sequence numbers that are held, of all its epochs. */
  held: number;
  /** The newest epoch that is known, and the highest number held of it. */
  epoch?: string;
  lastSeq?: number;
  /** Holes between numbers that are held: under way in another lane, or missing. At most 20. */
  gaps: SeqRange[];
}

interface AgentRow {
  id: number;
  name: string;
  first_seen_at: number;
  change_n: number;
  confirmed_n: number;
}

interface SeenRow {
  epoch: string;
  first_seq: number;
  last_seq: number;
}

const GAPS_MAX = 20;

/** Reads the agents, in the order of their names. */
export class AgentReads {
  readonly #list: Statement<[string, number], AgentRow>;
  readonly #seen: Statement<[number], SeenRow>;
  readonly #count: Statement<[], { found: number }>;

  constructor(db: SqliteDatabase) {
    this.#list = db.prepare(
      "SELECT id, name, first_seen_at, change_n, confirmed_n FROM agent WHERE name > ? ORDER BY name LIMIT ?",
    ) as Statement<[string, number], AgentRow>;
    this.#seen = db.prepare(
      "SELECT e.name AS epoch, s.first_seq, s.last_seq FROM epoch e JOIN seen s ON s.epoch_id = e.id " +
        "WHERE e.agent_id = ? ORDER BY e.id, s.first_seq",
    ) as Statement<[number], SeenRow>;
    this.#count = db.prepare("SELECT count(*) AS found FROM agent") as Statement<[], { found: number }>;
  }

  /** At most `limit` of them, from the first name behind `afterName` on. */
  list(afterName: string, limit: number): AgentRecord[] {
    return this.#list.all(afterName, limit).map((row) => this.#record(row));
  }

  /** How many agents the ledger has heard of. */
  count(): number {
    return this.#count.get()?.found ?? 0;
  }

  #record(row: AgentRow): AgentRecord {
    const gaps: SeqRange[] = [];
    let held = 0;
    let before: SeenRow | undefined;
    for (const range of this.#seen.all(row.id)) {
      held += range.last_seq - range.first_seq + 1;
      const continues = before !== undefined && before.epoch === range.epoch;
      if (continues && before !== undefined && gaps.length < GAPS_MAX) {
        gaps.push([range.epoch, before.last_seq + 1, range.first_seq - 1]);
      }
      before = range;
    }
    return {
      agent: row.name,
      firstSeenAt: formatTime(row.first_seen_at),
      changes: { last: row.change_n, confirmed: row.confirmed_n },
      held,
      ...(before === undefined ? {} : { epoch: before.epoch, lastSeq: before.last_seq }),
      gaps,
    };
  }
}
