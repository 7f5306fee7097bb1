import { formatAlarmId, newEpoch, parseAlarmId, type SeqRange } from "../../shared/alarm/identity.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

interface Epoch {
  id: number;
  name: string;
  firstSeq: number;
  lastSeq: number;
}

/**
 * The epochs of this file. Seqs continue from one to the next, so a seq tells its epoch. A new one begins at every
 * start: a restored backup or a copied card can then never give an old id to a new alarm.
 */
export class Epochs {
  readonly #agent: string;
  readonly #list: Epoch[];
  readonly #byName: Map<string, Epoch>;
  readonly #current: Epoch;
  readonly #setLast: Statement<[number, number]>;

  /** Reads the epochs and begins a new one after `lastSeq`; those that never had an alarm are dropped. */
  constructor(db: SqliteDatabase, agent: string, lastSeq: number, nowMs: number) {
    this.#agent = agent;
    const begin = db.transaction(() => {
      db.prepare("DELETE FROM epoch WHERE last_seq < first_seq").run();
      const name = newEpoch();
      db.prepare("INSERT INTO epoch (name, first_seq, last_seq, started_at) VALUES (?, ?, ?, ?)").run(
        name,
        lastSeq + 1,
        lastSeq,
        nowMs,
      );
    });
    begin.immediate();
    this.#list = db
      .prepare("SELECT id, name, first_seq AS firstSeq, last_seq AS lastSeq FROM epoch ORDER BY first_seq")
      .all() as Epoch[];
    this.#byName = new Map(this.#list.map((epoch) => [epoch.name, epoch]));
    this.#current = this.#list.at(-1) as Epoch;
    this.#setLast = db.prepare("UPDATE epoch SET last_seq = ? WHERE id = ?");
  }

  /** The epoch of this start. */
  get current(): string {
    return this.#current.name;
  }

  /** Stores how far seqs were allotted, in the transaction that allots them. */
  extend(lastSeq: number): void {
    this.#setLast.run(lastSeq, this.#current.id);
  }

  /** A transaction ended; the last seq is now this one. */
  settle(lastSeq: number): void {
    this.#current.lastSeq = lastSeq;
  }

  /** Every epoch of the file, the current one included. */
  all(): { name: string; firstSeq: number; lastSeq: number }[] {
    return this.#list.map(({ name, firstSeq, lastSeq }) => ({ name, firstSeq, lastSeq }));
  }

  /** Each epoch that has alarms with its first and last seq, oldest first. */
  ranges(limit = Number.POSITIVE_INFINITY): SeqRange[] {
    const used = this.#list.filter((epoch) => epoch.lastSeq >= epoch.firstSeq);
    return used.slice(Math.max(0, used.length - limit)).map(({ name, firstSeq, lastSeq }) => [name, firstSeq, lastSeq]);
  }

  idOf(seq: number): string {
    return formatAlarmId(this.#agent, this.#of(seq).name, seq);
  }

  /** The seq of an id that this file has given, or undefined. */
  seqOf(id: string): number | undefined {
    const parsed = parseAlarmId(id);
    if (parsed === undefined || parsed.agent !== this.#agent) return undefined;
    return this.clip([parsed.epoch, parsed.seq, parsed.seq])?.[0];
  }

  /** The part of a range that this file has given; undefined if it is none of ours (a restored or copied file). */
  clip([name, first, last]: SeqRange): [first: number, last: number] | undefined {
    const epoch = this.#byName.get(name);
    if (epoch === undefined) return undefined;
    const clipped: [number, number] = [Math.max(first, epoch.firstSeq), Math.min(last, epoch.lastSeq)];
    return clipped[0] <= clipped[1] ? clipped : undefined;
  }

  /** A run of seqs as ranges of ids, one per epoch that it touches. */
  split(first: number, last: number): SeqRange[] {
    return this.#list
      .map(({ name, firstSeq, lastSeq }): SeqRange => [name, Math.max(first, firstSeq), Math.min(last, lastSeq)])
      .filter(([, from, to]) => from <= to);
  }

  #of(seq: number): Epoch {
    if (seq >= this.#current.firstSeq) return this.#current;
    let low = 0;
    let high = this.#list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#list[middle] as Epoch).firstSeq <= seq) low = middle;
      else high = middle - 1;
    }
    return this.#list[low] as Epoch;
  }
}
