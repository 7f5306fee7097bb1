import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** How far one log (or one lane of ALARMS) has been applied. */
export interface Position {
  /** The stream it counts in: the sequence means nothing in another stream of the same name. */
  streamCreatedAt: string;
  seq: number;
  /** When that message was stored, in milliseconds: a stream that was rolled back has another one there. */
  messageAtMs: number;
}

/** The lane under which logs without lanes keep their position. */
export const NO_LANE = -1;

/** Positions are stored in the transaction that applies the messages, so that neither is ever ahead of the other. */
export class Positions {
  readonly #get: Statement<[string, number], { stream_created_at: string; seq: number; message_at: string }>;
  readonly #set: Statement<[string, number, string, number, string]>;
  readonly #count: Statement<[], { count: number }>;

  constructor(db: SqliteDatabase) {
    this.#get = db.prepare(
      "SELECT stream_created_at, seq, message_at FROM position WHERE log = ? AND lane = ?",
    ) as Statement<[string, number], { stream_created_at: string; seq: number; message_at: string }>;
    this.#set = db.prepare(
      "INSERT OR REPLACE INTO position (log, lane, stream_created_at, seq, message_at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#count = db.prepare("SELECT count(*) AS count FROM position") as Statement<[], { count: number }>;
  }

  get(log: string, lane: number): Position | undefined {
    const row = this.#get.get(log, lane);
    if (row === undefined) return undefined;
    return { streamCreatedAt: row.stream_created_at, seq: row.seq, messageAtMs: Number(row.message_at) };
  }

  set(log: string, lane: number, position: Position): void {
    this.#set.run(log, lane, position.streamCreatedAt, position.seq, String(position.messageAtMs));
  }

  /** True before anything was ever followed: the ledger is new, or was lost. */
  get empty(): boolean {
    return (this.#count.get()?.count ?? 0) === 0;
  }
}
