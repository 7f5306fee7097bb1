import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** Seqs to which one statement applies: a run, or single ones as a JSON array. */
export type SeqSet = { kind: "run"; first: number; last: number } | { kind: "list"; json: string };

/** Runs shorter than this share one statement. */
const RUN_MIN = 8;

/** Turns runs into few sets: where lanes interleave, one change names hundreds of runs of one alarm each. */
export function toSeqSets(runs: Iterable<readonly [first: number, last: number]>): SeqSet[] {
  const sets: SeqSet[] = [];
  const singles: number[] = [];
  let shortRun: SeqSet | undefined;
  let shortRuns = 0;
  for (const [first, last] of runs) {
    if (last - first + 1 >= RUN_MIN) {
      sets.push({ kind: "run", first, last });
      continue;
    }
    shortRuns++;
    shortRun = { kind: "run", first, last };
    for (let seq = first; seq <= last; seq++) singles.push(seq);
  }
  if (shortRuns === 1 && shortRun !== undefined) sets.push(shortRun);
  else if (shortRuns > 1) sets.push({ kind: "list", json: JSON.stringify(singles) });
  return sets;
}

/** One statement in its two forms; `sql` gets the condition that picks the rows of `alarm`, whose values bind last. */
export class SetStatement<Bind extends unknown[], Row = unknown> {
  readonly #run: Statement<unknown[], Row>;
  readonly #list: Statement<unknown[], Row>;

  constructor(db: SqliteDatabase, sql: (where: string) => string) {
    this.#run = db.prepare(sql("alarm.seq BETWEEN ? AND ?")) as Statement<unknown[], Row>;
    this.#list = db.prepare(sql("alarm.seq IN (SELECT value FROM json_each(?))")) as Statement<unknown[], Row>;
  }

  run(set: SeqSet, ...bind: Bind): number {
    return set.kind === "run"
      ? this.#run.run(...bind, set.first, set.last).changes
      : this.#list.run(...bind, set.json).changes;
  }

  all(set: SeqSet, ...bind: Bind): Row[] {
    return set.kind === "run" ? this.#run.all(...bind, set.first, set.last) : this.#list.all(...bind, set.json);
  }
}
