import type { Report } from "../../shared/alarm/report.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { DIGEST_BYTES, digestOf } from "./draft.ts";

/** How long a reportId is remembered; at least a day is promised. */
export const REPORT_ID_KEEP_MS = 48 * 3_600_000;
const CHANGE_KEYS_MAX = 100_000;

/** A report's own id and its content, as the store compares it. */
export interface ReportKey {
  account: string;
  point: string;
  reportId: string;
  digest: Buffer;
}

/**
 * Recognizes what was reported before: by the device's reportId within (account, point), and by change key where an
 * input wants only what the last message did not say already.
 */
export class Repeats {
  /** How often a reportId came again with other content: each of those is an alarm of its own. */
  reportIdsReused = 0;
  readonly #find: Statement<[string, string, string], { digest: Buffer; seq: number }>;
  readonly #add: Statement<[string, string, string, Buffer, number, number]>;
  readonly #getKey: Statement<[string], Buffer>;
  readonly #setKey: Statement<[string, Buffer, number]>;
  readonly #pruneIds: Statement<[number, number]>;
  readonly #pruneKeys: Statement<[]>;

  constructor(db: SqliteDatabase) {
    this.#find = db.prepare("SELECT digest, seq FROM report_id WHERE account = ? AND point = ? AND report_id = ?");
    this.#add = db.prepare(
      "INSERT INTO report_id (account, point, report_id, digest, seq, accepted_at) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#getKey = db.prepare("SELECT digests FROM change_key WHERE key = ?").pluck() as Statement<[string], Buffer>;
    this.#setKey = db.prepare(
      "INSERT INTO change_key (key, digests, changed_at) VALUES (?, ?, ?) " +
        "ON CONFLICT DO UPDATE SET digests = excluded.digests, changed_at = excluded.changed_at",
    );
    this.#pruneIds = db.prepare(
      "DELETE FROM report_id WHERE (account, point, report_id, digest) IN " +
        "(SELECT account, point, report_id, digest FROM report_id WHERE accepted_at < ? ORDER BY accepted_at LIMIT ?)",
    );
    this.#pruneKeys = db.prepare(
      "DELETE FROM change_key WHERE key IN (SELECT key FROM change_key ORDER BY changed_at " +
        `LIMIT max(0, (SELECT count(*) FROM change_key) - ${CHANGE_KEYS_MAX}))`,
    );
  }

  static keyOf(report: Report): ReportKey | undefined {
    if (report.reportId === undefined) return undefined;
    const { account = "", point, reportId } = report;
    return { account, point, reportId, digest: digestOf(report) };
  }

  /** The seq of the alarm that this very report became, if it came before. */
  seqOf(key: ReportKey): number | undefined {
    const known = this.#find.all(key.account, key.point, key.reportId);
    return known.find((row) => row.digest.equals(key.digest))?.seq;
  }

  /** Remembers which alarm a report became. To be called inside the storing transaction. */
  remember(key: ReportKey, seq: number, atMs: number): void {
    if (this.#find.get(key.account, key.point, key.reportId) !== undefined) this.reportIdsReused++;
    this.#add.run(key.account, key.point, key.reportId, key.digest, seq, atMs);
  }

  /**
   * Of the reports of one message: those that the last message under `key` held too, whatever their places. Time and
   * reportId do not count: they tell reports apart, not states.
   */
  unchanged(key: string, reports: readonly Report[]): ReadonlySet<Report> {
    const last = this.#getKey.get(key);
    if (last === undefined) return new Set();
    const said = new Set<string>();
    for (let at = 0; at < last.length; at += DIGEST_BYTES) said.add(last.toString("hex", at, at + DIGEST_BYTES));
    return new Set(reports.filter((report) => said.has(stateDigest(report).toString("hex"))));
  }

  /** These reports are now what the last message under `key` held. To be called inside the storing transaction. */
  rememberMessage(key: string, reports: readonly Report[], atMs: number): void {
    const digests = Buffer.concat(reports.map(stateDigest));
    if (this.#getKey.get(key)?.equals(digests) !== true) this.#setKey.run(key, digests, atMs);
  }

  /** Forgets up to `limit` reportIds that are old enough, and change keys beyond their limit; how many ids it were. */
  prune(nowMs: number, limit: number): number {
    this.#pruneKeys.run();
    return this.#pruneIds.run(nowMs - REPORT_ID_KEEP_MS, limit).changes;
  }
}

function stateDigest(report: Report): Buffer {
  return digestOf(report, ["occurredAt", "reportId"]);
}
