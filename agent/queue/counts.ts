import { LANES, type Lane, PRIORITIES, type Priority, priorityOf } from "../../shared/alarm/priority.ts";
import { damaged } from "../../shared/sqlite/damage.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { QUEUE_STAGES, type QueueStage } from "./types.ts";

/** The number of a stage: its index in QUEUE_STAGES. */
export type StageNumber = 0 | 1 | 2 | 3;
export const STAGE = { accepted: 0, relayed: 1, held: 2, settled: 3 } as const satisfies Record<
  QueueStage,
  StageNumber
>;

/** What one row takes beside its alarm's text: its state, its places in the indexes, and its deliveries. */
export const ROW_BYTES = 300;

/** SQLite sorts what it groups, and what it takes of memory for that stays taken: 48 MB for a million rows. */
const ROWS_PER_PART = 20_000;

interface Numbers {
  /** Rows by lane and stage, at index lane × 4 + stage. */
  rows: number[];
  /** Their bytes, each row's ROW_BYTES included, at the same index. */
  bytes: number[];
  lastSeq: number;
  /** The highest seq of each lane. */
  laneLast: number[];
  evicted: number[];
  quarantined: number;
}

/**
 * The queue's counters, kept in memory and counted from the rows at start (0.2 s for a million). They change within a
 * transaction; a commit makes the change good and a rollback takes it back.
 */
export class Counts {
  #now: Numbers;
  #committed: Numbers;

  constructor(db: SqliteDatabase) {
    this.#now = readNumbers(db);
    this.#committed = copy(this.#now);
  }

  get lastSeq(): number {
    return this.#now.lastSeq;
  }

  get bytes(): number {
    return this.#now.bytes.reduce((sum, n) => sum + n, 0);
  }

  get quarantined(): number {
    return this.#now.quarantined;
  }

  rowsOf(lane: Lane, stage: StageNumber): number {
    return this.#now.rows[lane * 4 + stage] as number;
  }

  bytesOf(lane: Lane, stage: StageNumber): number {
    return this.#now.bytes[lane * 4 + stage] as number;
  }

  /** All rows, or those of one stage. */
  rows(stage?: StageNumber): number {
    return this.#now.rows.reduce((sum, n, i) => (stage === undefined || i % 4 === stage ? sum + n : sum), 0);
  }

  unsettledOf(lane: Lane): number {
    return this.rowsOf(lane, 0) + this.rowsOf(lane, 1) + this.rowsOf(lane, 2);
  }

  /** The highest seq of a lane that is committed: what a claim may look for. */
  laneLast(lane: Lane): number {
    return this.#committed.laneLast[lane] as number;
  }

  evictedOf(lane: Lane): number {
    return this.#now.evicted[lane] as number;
  }

  /** Allots the next seq to a new row. `bytes` is the length of its alarm. */
  added(lane: Lane, bytes: number): number {
    const seq = ++this.#now.lastSeq;
    this.#add(lane, STAGE.accepted, 1, bytes + ROW_BYTES);
    this.#now.laneLast[lane] = seq;
    return seq;
  }

  moved(lane: Lane, from: StageNumber, to: StageNumber, rows: number, bytes: number): void {
    const bytesWithRows = bytes + rows * ROW_BYTES;
    this.#add(lane, from, -rows, -bytesWithRows);
    this.#add(lane, to, rows, bytesWithRows);
  }

  removed(lane: Lane, stage: StageNumber, rows: number, bytes: number): void {
    this.#add(lane, stage, -rows, -bytes - rows * ROW_BYTES);
  }

  evicted(lane: Lane, rows: number): void {
    this.#now.evicted[lane] = this.evictedOf(lane) + rows;
  }

  quarantineChanged(rows: number): void {
    this.#now.quarantined += rows;
  }

  commit(): void {
    this.#committed = copy(this.#now);
  }

  rollback(): void {
    this.#now = copy(this.#committed);
  }

  byLaneAndStage(): Record<Priority, Record<QueueStage, number>> {
    const table = {} as Record<Priority, Record<QueueStage, number>>;
    for (const lane of LANES) {
      const row = {} as Record<QueueStage, number>;
      for (const stage of QUEUE_STAGES) row[stage] = this.rowsOf(lane, STAGE[stage]);
      table[priorityOf(lane)] = row;
    }
    return table;
  }

  byPriority(read: (lane: Lane) => number): Record<Priority, number> {
    return Object.fromEntries(PRIORITIES.map((priority, lane) => [priority, read(lane as Lane)])) as Record<
      Priority,
      number
    >;
  }

  #add(lane: Lane, stage: StageNumber, rows: number, bytes: number): void {
    const i = lane * 4 + stage;
    this.#now.rows[i] = (this.#now.rows[i] as number) + rows;
    this.#now.bytes[i] = (this.#now.bytes[i] as number) + bytes;
  }
}

function readNumbers(db: SqliteDatabase): Numbers {
  const numbers: Numbers = {
    rows: new Array<number>(16).fill(0),
    bytes: new Array<number>(16).fill(0),
    lastSeq: db.prepare("SELECT coalesce(max(last_seq), 0) FROM epoch").pluck().get() as number,
    laneLast: [0, 0, 0, 0],
    evicted: [0, 0, 0, 0],
    quarantined: db.prepare("SELECT count(*) FROM quarantine").pluck().get() as number,
  };
  for (const { k, n, bytes, last } of groups(db)) {
    if (!(k in numbers.rows)) throw damaged("the queue", `it holds an alarm of lane and stage ${k}`);
    const lane = Math.floor(k / 4);
    numbers.rows[k] = (numbers.rows[k] as number) + n;
    numbers.bytes[k] = (numbers.bytes[k] as number) + bytes + n * ROW_BYTES;
    numbers.laneLast[lane] = Math.max(numbers.laneLast[lane] as number, last);
    numbers.lastSeq = Math.max(numbers.lastSeq, last);
  }
  const evicted = db.prepare("SELECT lane, alarms FROM evicted").all() as { lane: number; alarms: number }[];
  for (const { lane, alarms } of evicted) numbers.evicted[lane] = alarms;
  return numbers;
}

interface Group {
  /** lane × 4 + stage */
  k: number;
  n: number;
  bytes: number;
  last: number;
}

/** The rows by lane and stage, in parts: each lane and stage may come several times. */
function* groups(db: SqliteDatabase): Generator<Group> {
  const part = db.prepare(
    "SELECT lane * 4 + stage AS k, count(*) AS n, sum(bytes) AS bytes, max(seq) AS last " +
      `FROM (SELECT seq, lane, stage, bytes FROM alarm WHERE seq > ? ORDER BY seq LIMIT ${ROWS_PER_PART}) GROUP BY k`,
  ) as Statement<[number], Group>;
  for (let afterSeq = 0; ; ) {
    const found = part.all(afterSeq);
    if (found.length === 0) return;
    yield* found;
    const last = Math.max(...found.map((group) => group.last));
    if (last <= afterSeq) throw damaged("the queue", `behind alarm ${afterSeq} lies alarm ${last}`);
    afterSeq = last;
  }
}

function copy(numbers: Numbers): Numbers {
  return {
    ...numbers,
    rows: [...numbers.rows],
    bytes: [...numbers.bytes],
    laneLast: [...numbers.laneLast],
    evicted: [...numbers.evicted],
  };
}
