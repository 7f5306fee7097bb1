import { type AlarmIdentity, isToken } from "../../../shared/alarm/identity.ts";
import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { type KeyRange, readByKey } from "../../../shared/sqlite/salvage.ts";
import { isSeq, keysFrom, SEQ_MAX } from "./keys.ts";

/** What the process that had the file open knows of it. */
export interface KnownEpochs {
  /** Each epoch with its first and last seq, those without alarms included. */
  epochs: readonly { name: string; firstSeq: number; lastSeq: number }[];
}

interface Epoch {
  name: string;
  firstSeq: number;
  lastSeq: number;
  startedAt: number;
}

/** The epochs of a damaged file: what is known or can be read of them, and what its alarms say of them. */
export class SeenEpochs {
  readonly #epochs = new Map<string, Epoch>();
  /** What the alarms that were read say of their epochs. */
  readonly #seen = new Map<string, KeyRange>();
  #highestSeq = 0;

  constructor(known?: KnownEpochs) {
    for (const epoch of known?.epochs ?? []) this.#epochs.set(epoch.name, { ...epoch, startedAt: 0 });
  }

  /** Reads the epochs of the file unless they are known; false if not all of them could be read. */
  read(from: SqliteDatabase): boolean {
    if (this.#epochs.size > 0) return true;
    const columns = "name, first_seq AS firstSeq, last_seq AS lastSeq, started_at AS startedAt";
    let areWhole = true;
    const unreadable = readByKey<Epoch>(
      from,
      { table: "epoch", key: "id", columns },
      keysFrom(1, from, "epoch", "id"),
      ({ name, firstSeq, lastSeq, startedAt }) => {
        const isWhole = typeof name === "string" && isToken(name) && isSeq(firstSeq) && Number.isSafeInteger(startedAt);
        const isRange = isWhole && Number.isSafeInteger(lastSeq) && lastSeq >= firstSeq - 1 && lastSeq <= SEQ_MAX;
        if (isRange) this.#epochs.set(name, { name, firstSeq, lastSeq, startedAt });
        else areWhole = false;
      },
    );
    return areWhole && unreadable.length === 0;
  }

  /** The last seq of any epoch; 0 if there is none. */
  get lastSeq(): number {
    return Math.max(0, ...[...this.#epochs.values()].map((epoch) => epoch.lastSeq));
  }

  /** False if the seq is known to be of another epoch. */
  mayHaveGiven({ epoch, seq }: AlarmIdentity): boolean {
    const owners = [...this.#epochs.values()].filter(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq);
    return owners.length === 0 || owners.some(({ name }) => name === epoch);
  }

  /** There is an alarm with this identity. */
  saw({ epoch: name, seq }: AlarmIdentity): void {
    const epoch = this.#epochs.get(name) ?? { name, firstSeq: seq, lastSeq: seq, startedAt: 0 };
    const seen = this.#seen.get(name) ?? { first: seq, last: seq };
    this.#seen.set(name, { first: Math.min(seen.first, seq), last: Math.max(seen.last, seq) });
    this.#epochs.set(name, {
      ...epoch,
      firstSeq: Math.min(epoch.firstSeq, seq),
      lastSeq: Math.max(epoch.lastSeq, seq),
    });
    this.sawSeq(seq);
  }

  /** The seq was given, in whatever epoch. */
  sawSeq(seq: number): void {
    this.#highestSeq = Math.max(this.#highestSeq, seq);
  }

  /** One after the other, as seqs are: where rows of the table contradict each other, the alarms themselves decide. */
  write(to: SqliteDatabase): void {
    const add = to.prepare("INSERT INTO epoch (name, first_seq, last_seq, started_at) VALUES (?, ?, ?, ?)");
    const firstOf = ({ name, firstSeq }: Epoch): number => this.#seen.get(name)?.first ?? firstSeq;
    const epochs = [...this.#epochs.values()].sort((a, b) => firstOf(a) - firstOf(b));
    let usedSeq = 0;
    epochs.forEach((epoch, i) => {
      const next = epochs[i + 1];
      const firstSeq = Math.max(epoch.firstSeq, usedSeq + 1);
      // The newest reaches as far as anything was seen; none reaches into the next.
      const lastSeq =
        next === undefined ? Math.max(epoch.lastSeq, this.#highestSeq) : Math.min(epoch.lastSeq, firstOf(next) - 1);
      usedSeq = Math.max(usedSeq, lastSeq);
      add.run(epoch.name, firstSeq, lastSeq, epoch.startedAt);
    });
  }
}
