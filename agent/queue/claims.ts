import { LANES, type Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import { type EncodedAlarm, FRAME_ALARMS_MAX, FRAME_BYTES_MAX, FRAME_SEPARATOR } from "../../shared/wire/frame.ts";
import type { Counts } from "./counts.ts";
import { decodeAlarm } from "./decode.ts";

/** Alarms of one lane in seq order, to be relayed as one frame. */
export interface ClaimedFrame {
  lane: Lane;
  seqs: readonly number[];
  alarms: readonly EncodedAlarm[];
  /** They had been relayed before: out of order now, and marked. */
  again: boolean;
}

/** Which alarms that had a PubAck are to be relayed again. */
export interface AgainRequest {
  lane: Lane;
  /** The stream that the hub follows now, and how far; without it, all that are unsettled. */
  lostBefore?: { streamId: number; seq: number };
}

type Row = [seq: number, bytes: number, alarm: string];
type Sweep = AgainRequest & { afterSeq: number; lastSeq: number };

/** A sweep looks at this many rows and then lets others have their turn. */
const SWEEP_ROWS = 20_000;
const NO_STREAM = { streamId: -1, seq: 0 };

/**
 * Hands out what is to be relayed, a frame at a time, so that memory stays flat whatever the backlog. Cursors live in
 * memory: what was handed out and not marked before the process ended is handed out again after its start.
 *
 * What is relayed again is found by a sweep over the lane that asks of each row whether it still needs it, at the
 * moment when its frame is made: nothing has to be written for it or kept in step.
 */
export class Claims {
  readonly #counts: Counts;
  readonly #currentLedgerN: () => number;
  /** Below it are alarms of earlier starts: their texts have lain on the disk and may have suffered there. */
  readonly #firstOwnSeq: number;
  readonly #cursors: number[] = [0, 0, 0, 0];
  readonly #sweeps = new Map<Lane, Sweep>();
  readonly #named = new Map<Lane, number[]>();
  readonly #fresh: Statement<[Lane, number, number], Row>;
  readonly #again: Statement<[Lane, number, number, number, number, number, number], Row>;
  readonly #byName: Statement<[string], Row>;

  constructor(db: SqliteDatabase, counts: Counts, currentLedgerN: () => number) {
    this.#counts = counts;
    this.#firstOwnSeq = counts.lastSeq + 1;
    this.#currentLedgerN = currentLedgerN;
    const select =
      "SELECT a.seq, a.bytes, b.alarm FROM alarm a INDEXED BY alarm_lane JOIN body b ON b.seq = a.seq WHERE";
    this.#fresh = db
      .prepare(`${select} a.lane = ? AND a.seq > ? AND a.stage = 0 AND a.aside = 0 ORDER BY a.seq LIMIT ?`)
      .raw() as Statement<[Lane, number, number], Row>;
    this.#again = db
      .prepare(
        `${select} a.lane = ? AND a.seq > ? AND a.seq <= ? AND a.stage IN (1, 2) AND a.aside = 0 AND
           (a.stage = 1 OR a.ledger_n IS NOT ?) AND
           (? < 0 OR a.stream_id IS NOT ? OR a.stream_seq <= ?)
         ORDER BY a.seq LIMIT ${FRAME_ALARMS_MAX}`,
      )
      .raw() as Statement<[Lane, number, number, number, number, number, number], Row>;
    this.#byName = db
      .prepare(
        `${select.replace("INDEXED BY alarm_lane ", "")} a.seq IN (SELECT value FROM json_each(?)) AND a.stage < 3 AND a.aside = 0 ORDER BY a.seq`,
      )
      .raw() as Statement<[string], Row>;
    const firstFresh = db.prepare("SELECT min(seq) FROM alarm WHERE lane = ? AND stage = 0").pluck() as Statement<
      [Lane],
      number | null
    >;
    for (const lane of LANES) this.#cursors[lane] = (firstFresh.get(lane) ?? counts.laneLast(lane) + 1) - 1;
  }

  /** True while a claim of this lane may find something. */
  isWaiting(lane: Lane): boolean {
    return (
      (this.#cursors[lane] as number) < this.#counts.laneLast(lane) || this.#sweeps.has(lane) || this.#named.has(lane)
    );
  }

  /** The next frame of a lane; undefined if there is none now, and `isWaiting` says whether to ask again. */
  claim(lane: Lane, bytesMax = FRAME_BYTES_MAX): ClaimedFrame | undefined {
    if (this.#named.has(lane)) return this.#claimNamed(lane, bytesMax);
    const sweep = this.#sweeps.get(lane);
    if (sweep !== undefined) {
      const frame = this.#claimAgain(sweep, bytesMax);
      if (frame !== undefined) return frame;
    }
    return this.#claimFresh(lane, bytesMax);
  }

  /** Begins a sweep from `afterSeq` on, unless one is at work: what that one misses, the next look at the hub finds. */
  sweep(request: AgainRequest, afterSeq: number): void {
    if (this.#sweeps.has(request.lane)) return;
    this.#sweeps.set(request.lane, { ...request, afterSeq, lastSeq: this.#counts.laneLast(request.lane) });
  }

  /** Relays exactly these again. Those that were never handed out are in their lane anyway. */
  name(rows: readonly { lane: Lane; seq: number }[]): void {
    for (const lane of LANES) {
      const cursor = this.#cursors[lane] as number;
      const wanted = rows.filter((row) => row.lane === lane && row.seq <= cursor).map((row) => row.seq);
      if (wanted.length === 0) continue;
      const all = new Set([...(this.#named.get(lane) ?? []), ...wanted]);
      this.#named.set(lane, [...all].sort(ascending));
    }
  }

  #claimFresh(lane: Lane, bytesMax: number): ClaimedFrame | undefined {
    const cursor = this.#cursors[lane] as number;
    const laneLast = this.#counts.laneLast(lane);
    if (cursor >= laneLast) return undefined;
    const rows = takeFitting(this.#fresh.all(lane, cursor, FRAME_ALARMS_MAX), bytesMax);
    this.#cursors[lane] = rows.at(-1)?.[0] ?? laneLast;
    return this.#frameOf(lane, rows, false);
  }

  #claimAgain(sweep: Sweep, bytesMax: number): ClaimedFrame | undefined {
    const { lane, afterSeq, lastSeq } = sweep;
    const upTo = Math.min(lastSeq, afterSeq + SWEEP_ROWS);
    const { streamId, seq } = sweep.lostBefore ?? NO_STREAM;
    const ledgerN = sweep.lostBefore === undefined ? -1 : this.#currentLedgerN();
    const found = this.#again.all(lane, afterSeq, upTo, ledgerN, streamId, streamId, seq);
    const rows = takeFitting(found, bytesMax);
    const isAllOfPart = rows.length === found.length && found.length < FRAME_ALARMS_MAX;
    sweep.afterSeq = isAllOfPart ? upTo : (rows.at(-1)?.[0] ?? upTo);
    if (sweep.afterSeq >= lastSeq) this.#sweeps.delete(lane);
    return this.#frameOf(lane, rows, true);
  }

  #claimNamed(lane: Lane, bytesMax: number): ClaimedFrame | undefined {
    const seqs = this.#named.get(lane) ?? [];
    const part = seqs.slice(0, FRAME_ALARMS_MAX);
    const rows = takeFitting(this.#byName.all(JSON.stringify(part)), bytesMax);
    const rest = rows.length === 0 ? seqs.slice(part.length) : seqs.filter((seq) => seq > (rows.at(-1) as Row)[0]);
    if (rest.length === 0) this.#named.delete(lane);
    else this.#named.set(lane, rest);
    return this.#frameOf(lane, rows, true);
  }

  /** Throws `store_damaged` rather than hand out a text that would spoil the frame for all others in it. */
  #frameOf(lane: Lane, rows: readonly Row[], again: boolean): ClaimedFrame | undefined {
    if (rows.length === 0) return undefined;
    for (const [seq, , text] of rows) if (seq < this.#firstOwnSeq) decodeAlarm(seq, text);
    return { lane, again, seqs: rows.map((row) => row[0]), alarms: rows.map((row) => row[2]) };
  }
}

const ascending = (a: number, b: number): number => a - b;

/** As many rows from the front as a frame may carry; at least one, however large. */
function takeFitting(rows: Row[], bytesMax: number): Row[] {
  let bytes = "[]".length;
  for (let i = 0; i < rows.length; i++) {
    bytes += (rows[i] as Row)[1] + FRAME_SEPARATOR.length;
    if (bytes > bytesMax && i > 0) return rows.slice(0, i);
  }
  return rows;
}
