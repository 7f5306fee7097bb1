import type { Alarm, AlarmEvent } from "../../shared/alarm/alarm.ts";
import { formatAlarmId, newEpoch, parseAlarmId } from "../../shared/alarm/identity.ts";
import { type Lane, laneOf, type Priority } from "../../shared/alarm/priority.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { OWN_AGENT } from "../../shared/wire/subjects.ts";

/** Something that the hub has to tell by itself. */
export interface Notice {
  /** What kind of thing it is: the condition of the alarm. */
  kind: string;
  /** What it is about, a center, a gateway or a log: the point of the alarm. */
  subject: string;
  category: "technical" | "supervision";
  priority: Priority;
  event?: AlarmEvent;
  text: string;
  raw?: string;
  /** The alarms that it is about, by id. */
  names?: readonly string[];
}

/** An own alarm that waits to be held. */
export interface OwnAlarm {
  seq: number;
  lane: Lane;
  alarm: string;
}

/** The least time between two alarms of the same kind and subject; what happens meanwhile is told together. */
const TELL_EVERY_MS = 60_000;
const TEXT_CHARS_MAX = 2_000;
const RAW_CHARS_MAX = 16_000;
const NAMES_CHARS_MAX = 16_000;
/** So many may wait for ALARMS to take them; beyond, everything is told together later. */
const WAITING_MAX = 1_000;
const FORGET_MS = 86_400_000;

/**
 * The hub's own alarms. They are lost as little as anybody's: each is stored in the transaction of what it tells, and
 * leaves this outbox only when the ledger holds it, read back from ALARMS like any other. Of each kind and subject at
 * most one is told a minute; what happens in between is counted, named, and told by the next.
 *
 * A new epoch begins each time that the ledger is opened, so that an older copy of it never gives an id a second time.
 */
export class OwnAlarms {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #epoch = newEpoch();
  #hasNews = false;

  constructor(db: SqliteDatabase) {
    this.#statements = prepare(db);
  }

  /** Tells it now, or together with what else happens within the minute. To be called inside a transaction. */
  tell(notice: Notice, nowMs: number, everyMs = TELL_EVERY_MS): void {
    const { kind, subject } = notice;
    const before = this.#statements.notice.get(kind, subject);
    const isFull = (this.#statements.count.get()?.count ?? 0) >= WAITING_MAX;
    if (!isFull && (before === undefined || before.told_at <= nowMs - everyMs || before.told_at > nowMs)) {
      this.#add(notice, 1 + (before?.waiting ?? 0), before?.names ?? "", nowMs);
      return;
    }
    const { names, ...body } = notice;
    const told = before?.told_at ?? nowMs - everyMs;
    this.#statements.wait.run(kind, subject, told, JSON.stringify(body), linesOf(names), NAMES_CHARS_MAX);
  }

  /** Tells what has waited long enough. To be called inside a transaction. */
  flush(nowMs: number): void {
    this.#statements.forget.run(nowMs - FORGET_MS);
    for (const row of this.#statements.due.all(nowMs - TELL_EVERY_MS, nowMs)) {
      if ((this.#statements.count.get()?.count ?? 0) >= WAITING_MAX) return;
      this.#add(JSON.parse(row.body) as Notice, row.waiting, row.names, nowMs);
    }
  }

  hasDue(nowMs: number): boolean {
    return this.#statements.due.get(nowMs - TELL_EVERY_MS, nowMs) !== undefined;
  }

  /** The own alarms that are not held yet, oldest first. */
  waiting(limit: number): OwnAlarm[] {
    return this.#statements.waiting.all(limit);
  }

  /** True while an own alarm of that kind and subject is held as raised and not cleared. */
  stands(kind: string, subject: string): boolean {
    return this.#statements.stands.get(OWN_AGENT, subject, kind) !== undefined;
  }

  /** These are held, and have left the outbox. To be called inside a transaction. */
  held(ids: readonly string[]): void {
    for (const id of ids) {
      const identity = parseAlarmId(id);
      if (identity !== undefined) this.#statements.held.run(identity.seq, identity.epoch);
    }
  }

  /** True once after own alarms were added. */
  takeNews(): boolean {
    const news = this.#hasNews;
    this.#hasNews = false;
    return news;
  }

  #add(notice: Omit<Notice, "names"> & { names?: readonly string[] }, count: number, waited: string, nowMs: number) {
    const { kind, subject, category, priority, event = "status", raw } = notice;
    const lane = laneOf(priority);
    const seq = this.#statements.add.get(this.#epoch, lane)?.seq;
    if (seq === undefined) throw new Error("an own alarm was not stored");
    const names = `${waited}${linesOf(notice.names)}`.slice(0, NAMES_CHARS_MAX);
    const kept = [raw?.slice(0, RAW_CHARS_MAX), names].filter((part) => part !== undefined && part !== "");
    const text = count === 1 ? notice.text : `${notice.text} (${count} in all since this was told last)`;
    const alarm: Alarm = {
      id: formatAlarmId(OWN_AGENT, this.#epoch, seq),
      agent: OWN_AGENT,
      point: clean(subject).slice(0, 128) || "?",
      category,
      condition: kind.slice(0, 128),
      event,
      priority,
      text: clean(text).slice(0, TEXT_CHARS_MAX),
      acceptedAt: formatTime(nowMs),
      ...(kept.length === 0 ? {} : { raw: kept.join("\n") }),
      attributes: { count },
    };
    this.#statements.fill.run(JSON.stringify(alarm), seq);
    this.#statements.told.run(kind, notice.subject, nowMs);
    this.#hasNews = true;
  }
}

const linesOf = (names: readonly string[] = []): string => names.map((name) => `${name}\n`).join("");

/** Control characters, and halves of characters that a cut may have left, have no place in a text. */
function clean(text: string): string {
  return text.toWellFormed().replace(/\p{Cc}+/gu, " ");
}

function prepare(db: SqliteDatabase) {
  const due = "waiting > 0 AND (told_at <= ? OR told_at > ?)";
  return {
    notice: db.prepare("SELECT told_at, waiting, names FROM notice WHERE kind = ? AND subject = ?") as Statement<
      [string, string],
      { told_at: number; waiting: number; names: string }
    >,
    told: db.prepare("INSERT OR REPLACE INTO notice (kind, subject, told_at) VALUES (?, ?, ?)"),
    wait: db.prepare(
      "INSERT INTO notice (kind, subject, told_at, waiting, body, names) VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE " +
        "SET waiting = waiting + 1, body = excluded.body, names = substr(names || excluded.names, 1, ?)",
    ) as Statement<[string, string, number, string, string, number]>,
    due: db.prepare(`SELECT body, waiting, names FROM notice WHERE ${due}`) as Statement<
      [number, number],
      { body: string; waiting: number; names: string }
    >,
    forget: db.prepare("DELETE FROM notice WHERE waiting = 0 AND told_at < ?"),
    count: db.prepare("SELECT count(*) AS count FROM own_alarm") as Statement<[], { count: number }>,
    add: db.prepare("INSERT INTO own_alarm (epoch, lane, alarm) VALUES (?, ?, '') RETURNING seq") as Statement<
      [string, number],
      { seq: number }
    >,
    fill: db.prepare("UPDATE own_alarm SET alarm = ? WHERE seq = ?"),
    waiting: db.prepare("SELECT seq, lane, alarm FROM own_alarm ORDER BY seq LIMIT ?") as Statement<[number], OwnAlarm>,
    stands: db.prepare(
      "SELECT 1 FROM raised WHERE agent_id = (SELECT id FROM agent WHERE name = ?) AND account = '' AND area = '' " +
        "AND point = ? AND condition = ?",
    ) as Statement<[string, string, string], unknown>,
    held: db.prepare("DELETE FROM own_alarm WHERE seq = ? AND epoch = ?"),
  };
}
