import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Counts } from "./counts.ts";
import type { QuarantineEntry } from "./types.ts";

/** What quarantine keeps at most; beyond, the oldest entries go. Their alarm has told of them. */
const QUARANTINE_ROWS_MAX = 10_000;
const QUARANTINE_BYTES_MAX = 64 * 2 ** 20;
/** The most that one entry keeps of a payload. */
const QUARANTINE_PAYLOAD_BYTES_MAX = 2 ** 20;
/** What a view shows of a payload: a page of views must not fill the memory. */
const VIEW_BYTES = 4096;
const RAW_BYTES = 1024;

interface Row {
  n: number;
  at: number;
  input: string;
  source: string;
  reason: string;
  /** Its first part only. */
  payload: Buffer;
  bytes: number;
}

/** Payloads that are no report, and alarms that cannot be relayed: kept with the reason until somebody looks. */
export class Quarantine {
  readonly #counts: Counts;
  readonly #add: Statement<[number, string, string, string, Buffer]>;
  readonly #page: Statement<[number, number], Row>;
  readonly #get: Statement<[number], { input: string; source: string; payload: Buffer }>;
  readonly #remove: Statement<[number]>;
  readonly #oldest: Statement<[], { n: number; bytes: number }>;
  readonly #unreported: Statement<[], number>;
  readonly #newestUnreported: Statement<[], Row>;
  readonly #report: Statement<[]>;
  #bytes: number;
  #committedBytes: number;

  constructor(db: SqliteDatabase, counts: Counts) {
    this.#counts = counts;
    const row = `n, at, input, source, reason, substr(payload, 1, ${VIEW_BYTES}) AS payload, length(payload) AS bytes`;
    this.#add = db.prepare(
      "INSERT INTO quarantine (at, input, source, reason, payload, reported) VALUES (?, ?, ?, ?, ?, 0)",
    );
    this.#page = db.prepare(`SELECT ${row} FROM quarantine WHERE n < ? ORDER BY n DESC LIMIT ?`);
    this.#get = db.prepare("SELECT input, source, payload FROM quarantine WHERE n = ?");
    this.#remove = db.prepare("DELETE FROM quarantine WHERE n = ?");
    this.#oldest = db.prepare("SELECT n, length(payload) AS bytes FROM quarantine ORDER BY n LIMIT 1");
    this.#unreported = db.prepare("SELECT count(*) FROM quarantine WHERE reported = 0").pluck() as Statement<
      [],
      number
    >;
    this.#newestUnreported = db.prepare(`SELECT ${row} FROM quarantine WHERE reported = 0 ORDER BY n DESC LIMIT 1`);
    this.#report = db.prepare("UPDATE quarantine SET reported = 1 WHERE reported = 0");
    const sum = db.prepare("SELECT coalesce(sum(length(payload)), 0) FROM quarantine").pluck();
    this.#bytes = sum.get() as number;
    this.#committedBytes = this.#bytes;
  }

  /** Adds an entry and makes room for it. To be called inside a transaction. */
  add(entry: { input: string; source: string; reason: string; payload: Uint8Array }, nowMs: number): void {
    const payload = Buffer.from(entry.payload.subarray(0, QUARANTINE_PAYLOAD_BYTES_MAX));
    this.#add.run(nowMs, entry.input, entry.source, entry.reason, payload);
    this.#counts.quarantineChanged(1);
    this.#bytes += payload.length;
    while (this.#counts.quarantined > QUARANTINE_ROWS_MAX || this.#bytes > QUARANTINE_BYTES_MAX) {
      const oldest = this.#oldest.get();
      if (oldest === undefined) return;
      this.#drop(oldest.n, oldest.bytes);
    }
  }

  list(options: { limit: number; cursor?: string }): { items: QuarantineEntry[]; nextCursor?: string } {
    const before = options.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(options.cursor);
    const rows = this.#page.all(before, options.limit + 1);
    const items = rows.slice(0, options.limit).map(viewOf);
    const last = items.at(-1);
    return rows.length > options.limit && last !== undefined ? { items, nextCursor: String(last.n) } : { items };
  }

  payload(n: number): { input: string; source: string; payload: Uint8Array } | undefined {
    return this.#get.get(n);
  }

  remove(n: number): boolean {
    const row = this.#get.get(n);
    if (row === undefined) return false;
    this.#drop(n, row.payload.length);
    return true;
  }

  /** A transaction failed: its entries are not there. */
  rollback(): void {
    this.#bytes = this.#committedBytes;
  }

  commit(): void {
    this.#committedBytes = this.#bytes;
  }

  get hasNews(): boolean {
    return this.#newestUnreported.get() !== undefined;
  }

  /** What nobody has been told of yet; undefined if there is nothing. */
  unreported(): { count: number; last: QuarantineEntry; raw: string } | undefined {
    const last = this.#newestUnreported.get();
    if (last === undefined) return undefined;
    const count = this.#unreported.get() ?? 0;
    return { count, last: viewOf(last), raw: cleanText(last.payload.subarray(0, RAW_BYTES)) };
  }

  /** An alarm tells of all that is there. To be called inside the transaction that stores it. */
  markReported(): void {
    this.#report.run();
  }

  #drop(n: number, bytes: number): void {
    this.#remove.run(n);
    this.#bytes -= bytes;
    this.#counts.quarantineChanged(-1);
  }
}

function viewOf(row: Row): QuarantineEntry {
  return {
    n: row.n,
    at: formatTime(row.at),
    input: row.input,
    source: row.source,
    reason: row.reason,
    payload: row.payload.toString("utf8"),
    payloadBytes: row.bytes,
  };
}

/** Bytes as text that an alarm may carry: what is no UTF-8, and NUL, becomes U+FFFD. */
function cleanText(bytes: Buffer): string {
  return cleanString(bytes.toString("utf8"));
}

export function cleanString(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}
