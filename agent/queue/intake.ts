import { type Lane, PRIORITIES } from "../../shared/alarm/priority.ts";
import type { Report } from "../../shared/alarm/report.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Counts } from "./counts.ts";
import { type Draft, draftBytesMax, encodeAlarm } from "./draft.ts";
import type { Epochs } from "./epochs.ts";
import type { Events } from "./events.ts";
import { hashOf } from "./hash.ts";
import type { Raises } from "./raises.ts";
import { Repeats, type ReportKey } from "./repeats.ts";
import type { Need, Room } from "./room.ts";
import type { Acceptance } from "./types.ts";

interface Parts {
  counts: Counts;
  epochs: Epochs;
  events: Events;
  raises: Raises;
  repeats: Repeats;
  room: Room;
}

const NONE: ReadonlySet<Report> = new Set();

/**
 * Turns drafts into rows. It first asks for room for all that looks new and only then writes, so that a refusal leaves
 * nothing to take back and its neighbours in the same transaction stay.
 */
export class Intake {
  readonly #parts: Parts;
  readonly #insertAlarm: Statement<[number, Lane, number, number, number, number]>;
  readonly #insertBody: Statement<[number, string | null, string, string | null, string]>;

  constructor(db: SqliteDatabase, parts: Parts) {
    this.#parts = parts;
    this.#insertAlarm = db.prepare(
      "INSERT INTO alarm (seq, lane, stage, bytes, accepted_at, relays, account_hash, point_hash, aside) " +
        "VALUES (?, ?, 0, ?, ?, 0, ?, ?, 0)",
    );
    this.#insertBody = db.prepare("INSERT INTO body (seq, account, point, report_id, alarm) VALUES (?, ?, ?, ?, ?)");
  }

  /** Stores all of a call or, for lack of room, nothing. To be called inside a transaction. */
  store(
    drafts: readonly Draft[],
    options: { changeKey?: string | undefined; mayUseReserve: boolean; nowMs: number },
  ): Acceptance[] | "full" {
    const { changeKey, nowMs } = options;
    const { repeats } = this.#parts;
    const said = drafts.map(({ report }) => report);
    const unchanged = changeKey === undefined ? NONE : repeats.unchanged(changeKey, said);
    const reportKeys = drafts.map((draft) => Repeats.keyOf(draft.report));
    const likelyNew = drafts.filter((draft, i) => this.#repeatOf(draft, reportKeys[i], unchanged) === undefined);
    const need = this.#needOf(likelyNew, options.mayUseReserve);
    if (need.rows > 0 && !this.#parts.room.make(need)) return "full";
    const results = drafts.map((draft, i) => this.#storeOne(draft, reportKeys[i], unchanged));
    if (changeKey !== undefined && said.length > 0) repeats.rememberMessage(changeKey, said, nowMs);
    if (need.rows > 0) this.#parts.epochs.extend(this.#parts.counts.lastSeq);
    return results;
  }

  #needOf(drafts: readonly Draft[], mayUseReserve: boolean): Need {
    let bytes = 0;
    let lane: Lane = 0;
    for (const draft of drafts) {
      bytes += draftBytesMax(draft);
      if (lane < PRIORITIES.length - 1) lane = Math.max(lane, this.#parts.raises.laneOf(draft)) as Lane;
    }
    return { rows: drafts.length, bytes, lane, mayUseReserve };
  }

  #repeatOf(draft: Draft, reportKey: ReportKey | undefined, unchanged: ReadonlySet<Report>): Acceptance | undefined {
    const { repeats, epochs } = this.#parts;
    if (reportKey !== undefined) {
      const seq = repeats.seqOf(reportKey);
      if (seq !== undefined) return { kind: "duplicate", id: epochs.idOf(seq) };
    }
    return unchanged.has(draft.report) ? { kind: "unchanged" } : undefined;
  }

  #storeOne(draft: Draft, reportKey: ReportKey | undefined, unchanged: ReadonlySet<Report>): Acceptance {
    // Asked again: an earlier report of the same call may have had the same reportId.
    const repeat = this.#repeatOf(draft, reportKey, unchanged);
    if (repeat !== undefined) return repeat;
    const { counts, epochs, events, raises, repeats } = this.#parts;
    const { report, acceptedAtMs } = draft;
    const lane = raises.laneOf(draft);
    const id = epochs.idOf(counts.lastSeq + 1);
    const alarm = encodeAlarm(draft, id, lane);
    const bytes = draft.restBytes + alarm.length - draft.rest.length;
    const seq = counts.added(lane, bytes);
    this.#insertAlarm.run(seq, lane, bytes, acceptedAtMs, hashOf(report.account), hashOf(report.point));
    this.#insertBody.run(seq, report.account ?? null, report.point, report.reportId ?? null, alarm);
    raises.remember(draft);
    if (reportKey !== undefined) repeats.remember(reportKey, seq, acceptedAtMs);
    if (events.isHeard) events.add({ id, stage: "accepted", at: formatTime(acceptedAtMs) });
    return { kind: "accepted", id };
  }
}
