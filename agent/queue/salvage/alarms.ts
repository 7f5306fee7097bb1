import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { type AlarmIdentity, parseAlarmId } from "../../../shared/alarm/identity.ts";
import { laneOf, PRIORITIES } from "../../../shared/alarm/priority.ts";
import { isRfc3339, parseTime } from "../../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";
import { type KeyRange, keyBounds, readByKey } from "../../../shared/sqlite/salvage.ts";
import { hashOf } from "../hash.ts";
import { isCount, isSeq } from "./keys.ts";
import type { SeenEpochs } from "./seen-epochs.ts";
import type { Tables, Values } from "./tables.ts";

/** An alarm that could be read, under the identity that its text names. */
interface ReadAlarm {
  alarm: Alarm;
  identity: AlarmIdentity;
  text: string;
}

/** Copies the alarms of a damaged file, which lie in two tables: one has their texts, one their states. */
export class Alarms {
  readonly #from: SqliteDatabase;
  readonly #to: SqliteDatabase;
  readonly #agent: string;
  readonly #epochs: SeenEpochs;
  readonly #hasState: Statement<[number]>;
  readonly #hasText: Statement<[number]>;
  readonly #dropState: Statement<[number]>;
  readonly #disputed = new Set<number>();

  constructor(from: SqliteDatabase, to: SqliteDatabase, of: { agent: string; epochs: SeenEpochs }) {
    this.#from = from;
    this.#to = to;
    this.#agent = of.agent;
    this.#epochs = of.epochs;
    this.#hasState = to.prepare("SELECT 1 FROM alarm WHERE seq = ?");
    this.#dropState = to.prepare("DELETE FROM alarm WHERE seq = ?");
    this.#hasText = to.prepare("SELECT 1 FROM body WHERE seq = ?");
  }

  /** Says of how many only the text could be read, how many are lost, and whether every state is as it was. */
  copy(tables: Tables): { rebuilt: number; lost: number; hasAllStates: boolean } {
    const all = this.#seqs();
    const accepts = (row: Values): boolean => isState(row) && this.#isOnly(row["seq"] as number);
    const unreadableStates = tables.copyByKey("alarm", "seq", all, { accepts });
    const { unreadable, rebuilt } = this.#copyTexts(all);
    const lost = this.#removeLost(unreadableStates, unreadable);
    return { rebuilt, lost, hasAllStates: unreadableStates.length === 0 && rebuilt === 0 };
  }

  /** Of two states under one seq either may be the right one: none is taken, and the alarm's begins anew. */
  #isOnly(seq: number): boolean {
    if (this.#hasState.get(seq) === undefined && !this.#disputed.has(seq)) return true;
    this.#disputed.add(seq);
    this.#dropState.run(seq);
    return false;
  }

  /** Between which seqs there may be alarms: as far as anything that can be read tells. */
  #seqs(): KeyRange {
    const bounds = [keyBounds(this.#from, "alarm", "seq"), keyBounds(this.#from, "body", "seq")];
    const lasts = bounds.map(({ last }) => last).filter(isSeq);
    const firsts = bounds.map(({ first }) => first).filter(isSeq);
    const last = Math.max(this.#epochs.lastSeq, ...lasts);
    // Where the lower end is not known, its rows may begin anywhere above.
    const first = firsts.length === bounds.length ? Math.min(...firsts) : 1;
    return { first, last: Math.max(first, last) };
  }

  /** The texts of the alarms; with a state of their own where theirs could not be read. */
  #copyTexts(all: KeyRange): { unreadable: KeyRange[]; rebuilt: number } {
    const addBody = this.#to.prepare(
      "INSERT OR IGNORE INTO body (seq, account, point, report_id, alarm) VALUES (?, ?, ?, ?, ?)",
    );
    const addState = this.#to.prepare(
      "INSERT OR IGNORE INTO alarm (seq, lane, stage, bytes, accepted_at, relays, account_hash, point_hash, aside) " +
        "VALUES (?, ?, 0, ?, ?, 0, ?, ?, 0)",
    );
    const addPoison = this.#to.prepare(
      "INSERT INTO quarantine (at, input, source, reason, payload, reported) VALUES (?, 'queue', ?, ?, ?, 0)",
    );
    const setAside = (key: number, text: unknown): void => {
      const payload = Buffer.isBuffer(text) ? text : Buffer.from(String(text));
      addPoison.run(Date.now(), `seq ${key}`, "its text was damaged in the queue's file", payload);
    };
    let rebuilt = 0;
    const add = ({ alarm, identity, text }: ReadAlarm): void => {
      const { account, point, reportId, acceptedAt, priority } = alarm;
      const { seq } = identity;
      this.#epochs.saw(identity);
      addBody.run(seq, account ?? null, point, reportId ?? null, text);
      const at = typeof acceptedAt === "string" && isRfc3339(acceptedAt) ? parseTime(acceptedAt) : 0;
      const bytes = Buffer.byteLength(text);
      rebuilt += addState.run(seq, laneOf(priority), bytes, at, hashOf(account), hashOf(point)).changes;
    };
    const strays: { key: number; read: ReadAlarm }[] = [];
    const what = { table: "body", key: "seq", columns: "alarm" };
    const unreadable = readByKey<{ alarm: unknown }>(this.#from, what, all, ({ key_: key, alarm: text }) => {
      const read = this.#read(text);
      if (read === undefined) setAside(key, text);
      else if (read.identity.seq === key) add(read);
      else strays.push({ key, read });
    });
    for (const { key, read } of strays) {
      if (this.#isKeyWrong(key, read.identity.seq)) add(read);
      else setAside(key, read.text);
    }
    return { unreadable, rebuilt };
  }

  /** The alarm of a text, if it is whole enough to be relayed under its id, and that may be one of this file's. */
  #read(text: unknown): ReadAlarm | undefined {
    let alarm: Partial<Alarm> | null;
    try {
      alarm = JSON.parse(text as string) as Partial<Alarm> | null;
    } catch {
      return undefined;
    }
    const { id, point, priority } = alarm ?? {};
    const identity = parseAlarmId(String(id));
    if (identity?.agent !== this.#agent || !isSeq(identity.seq) || !this.#epochs.mayHaveGiven(identity))
      return undefined;
    if (typeof point !== "string" || priority === undefined || !PRIORITIES.includes(priority)) return undefined;
    return { alarm: alarm as Alarm, identity, text: text as string };
  }

  /**
   * A text names another seq than the key of its row: a bit of one of them was turned over. It was the key if the text's
   * seq has a state and no other text, and the key's seq has both or neither. To be asked when the others are added.
   */
  #isKeyWrong(key: number, seq: number): boolean {
    const has = (statement: Statement<[number]>, of: number): boolean => statement.get(of) !== undefined;
    if (!has(this.#hasState, seq) || has(this.#hasText, seq)) return false;
    return has(this.#hasState, key) === has(this.#hasText, key);
  }

  /** Writes down what is lost: states without a text that are not settled, and seqs that neither table could tell of. */
  #removeLost(states: readonly KeyRange[], texts: readonly KeyRange[]): number {
    const orphans = this.#to
      .prepare("SELECT seq, stage FROM alarm WHERE seq NOT IN (SELECT seq FROM body) ORDER BY seq")
      .all() as { seq: number; stage: number }[];
    for (const { seq } of orphans) this.#epochs.sawSeq(seq);
    const ranges = orphans.filter(({ stage }) => stage < 3).map(({ seq }) => ({ first: seq, last: seq }));
    for (const state of states) {
      for (const text of texts) {
        const both = { first: Math.max(state.first, text.first), last: Math.min(state.last, text.last) };
        if (both.first <= both.last) ranges.push(both);
      }
    }
    this.#to.exec("DELETE FROM alarm WHERE seq NOT IN (SELECT seq FROM body)");
    const add = this.#to.prepare("INSERT INTO loss (reason, lane, first_seq, last_seq) VALUES ('damaged', NULL, ?, ?)");
    const saved = this.#to.prepare("SELECT seq FROM body WHERE seq BETWEEN ? AND ? ORDER BY seq").pluck();
    let lost = 0;
    for (const { first, last } of joined(ranges)) {
      let from = first;
      for (const seq of [...(saved.all(first, last) as number[]), last + 1]) {
        if (seq > from) add.run(from, seq - 1);
        lost += seq - from;
        from = seq + 1;
      }
    }
    return lost;
  }
}

/** Whether the state of an alarm holds only values that we write. */
function isState(row: Values): boolean {
  const isTimeOrNull = (value: unknown) => value === null || Number.isSafeInteger(value);
  return (
    isSeq(row["seq"]) &&
    [0, 1, 2, 3].includes(row["lane"] as number) &&
    [0, 1, 2, 3].includes(row["stage"] as number) &&
    [0, 1].includes(row["aside"] as number) &&
    isCount(row["bytes"]) &&
    Number.isSafeInteger(row["accepted_at"]) &&
    ["relayed_at", "held_at", "settled_at", "stream_id", "stream_seq", "ledger_n", "route_id"].every((column) =>
      isTimeOrNull(row[column]),
    )
  );
}

function joined(ranges: readonly KeyRange[]): KeyRange[] {
  const all: KeyRange[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const open = all.at(-1);
    if (open !== undefined && first <= open.last + 1) open.last = Math.max(open.last, last);
    else all.push({ first, last });
  }
  return all;
}
