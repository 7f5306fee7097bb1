import { priorityOf } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { OWN_AGENT, parseAlarmSubject } from "../../shared/wire/subjects.ts";
import type { LedgerObserver } from "./observer.ts";
import type { OwnAlarms } from "./own-alarms.ts";

/** Something in a log that could not be read. */
export interface Fault {
  log: string;
  seq: number;
  subject: string;
  reason: string;
  payload: string;
  /** The alarm that it is, where its id can be read. */
  id?: string;
}

const PAYLOAD_CHARS_MAX = 64 * 1024;
const FAULTS_MAX = 10_000;
const RAW_CHARS_MAX = 1_024;

/**
 * Keeps what lay in a log and could not be read, so that nothing is dropped without a trace; the oldest go first. Each
 * is told by an alarm of the hub's own, in the lane in which it came.
 */
export class Faults {
  readonly #add: Statement<[number, string, number, string, string, string]>;
  readonly #trim: Statement<[number]>;
  readonly #observer: LedgerObserver;
  readonly #own: OwnAlarms;

  constructor(db: SqliteDatabase, parts: { observer: LedgerObserver; own: OwnAlarms }) {
    this.#observer = parts.observer;
    this.#own = parts.own;
    this.#add = db.prepare("INSERT INTO fault (at, log, seq, subject, reason, payload) VALUES (?, ?, ?, ?, ?, ?)");
    this.#trim = db.prepare("DELETE FROM fault WHERE id <= (SELECT max(id) FROM fault) - ?");
  }

  /** To be called inside a transaction. */
  add(fault: Fault, atMs: number): void {
    const payload = fault.payload.slice(0, PAYLOAD_CHARS_MAX);
    this.#add.run(atMs, fault.log, fault.seq, fault.subject, fault.reason, payload);
    this.#trim.run(FAULTS_MAX);
    this.#observer.faults(fault.log, 1);
    this.#tell(fault, atMs);
  }

  #tell({ log, seq, subject, reason, payload, id }: Fault, atMs: number): void {
    const sender = parseAlarmSubject(subject);
    // An alarm about an alarm of our own could go on for ever.
    if (sender?.agent === OWN_AGENT) return;
    const what = id === undefined ? `Message ${seq} of ${log} on ${subject}` : `Alarm ${id}`;
    this.#own.tell(
      {
        kind: "fault",
        subject,
        category: "technical",
        priority: sender === undefined ? "medium" : priorityOf(sender.lane),
        text: `${what} could not be read: ${reason}`,
        raw: payload.slice(0, RAW_CHARS_MAX),
        ...(id === undefined ? {} : { names: [id] }),
      },
      atMs,
    );
  }
}
