import type { Lane } from "../../shared/alarm/priority.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { Change } from "../../shared/wire/change.ts";
import type { ClaimedFrame } from "./claims.ts";
import { type Counts, STAGE, type StageNumber } from "./counts.ts";
import { RECEIVED, stateAfter } from "./delivery-states.ts";
import type { Epochs } from "./epochs.ts";
import type { Events } from "./events.ts";
import { type SeqSet, SetStatement, toSeqSets } from "./seq-set.ts";
import type { StageEvent } from "./types.ts";

/** A PubAck that is still to be stored. */
export interface RelayedMark {
  frame: Pick<ClaimedFrame, "lane" | "seqs" | "again">;
  streamId: number;
  streamSeq: number;
  atMs: number;
}

interface Moving {
  lane: Lane;
  stage: StageNumber;
  rows: number;
  bytes: number;
}

/**
 * Raises the stages of alarms, a run of them at a time. Stages only rise and a time is set once, so that a change which
 * is applied twice, or under a new ledger again from the first, does no harm.
 */
export class Stages {
  readonly #counts: Counts;
  readonly #epochs: Epochs;
  readonly #events: Events;
  readonly #settlesAtHeld: boolean;
  readonly #relayed: Statement<[number, number, number, Lane, number, number]>;
  readonly #fresh: Statement<[Lane, number, number], { rows: number; bytes: number }>;
  readonly #relayedNamed: SetStatement<[number, number, number]>;
  readonly #moving: SetStatement<[StageNumber], Moving>;
  readonly #held: SetStatement<[StageNumber, number, number | null, number, number | null]>;
  readonly #settled: SetStatement<[number]>;
  readonly #delivery: SetStatement<
    [number, number, number | null, number | null, string | null, string | null, string | null]
  >;
  readonly #present: SetStatement<[], { seq: number }>;
  readonly #centerIds: Names;
  readonly #routeIds: Names;

  constructor(
    db: SqliteDatabase,
    parts: { counts: Counts; epochs: Epochs; events: Events; custody: "center" | "hub" },
  ) {
    this.#counts = parts.counts;
    this.#epochs = parts.epochs;
    this.#events = parts.events;
    this.#settlesAtHeld = parts.custody === "hub";
    this.#centerIds = new Names(db, "center", "name");
    this.#routeIds = new Names(db, "route", "centers");
    const isFresh = "lane = ? AND seq BETWEEN ? AND ? AND stage = 0 AND aside = 0";
    this.#relayed = db.prepare(
      "UPDATE alarm INDEXED BY alarm_lane SET stage = 1, relayed_at = ?, " +
        `stream_id = ?, stream_seq = ?, relays = 1 WHERE ${isFresh}`,
    );
    this.#fresh = db.prepare(
      `SELECT count(*) AS rows, sum(bytes) AS bytes FROM alarm INDEXED BY alarm_lane WHERE ${isFresh}`,
    );
    this.#relayedNamed = new SetStatement(
      db,
      (where) =>
        "UPDATE alarm SET stage = max(stage, 1), relayed_at = coalesce(relayed_at, ?), " +
        `stream_id = ?, stream_seq = ?, relays = relays + 1 WHERE ${where}`,
    );
    this.#moving = new SetStatement(
      db,
      (where) =>
        "SELECT lane, stage, count(*) AS rows, sum(bytes) AS bytes FROM alarm " +
        `WHERE stage < ? AND ${where} GROUP BY lane, stage`,
    );
    this.#held = new SetStatement(
      db,
      (where) =>
        "UPDATE alarm SET stage = max(stage, ?), held_at = coalesce(held_at, ?), " +
        `settled_at = coalesce(settled_at, ?), ledger_n = ?, route_id = ? WHERE ${where}`,
    );
    this.#settled = new SetStatement(
      db,
      (where) => `UPDATE alarm SET stage = 3, settled_at = coalesce(settled_at, ?) WHERE ${where}`,
    );
    this.#delivery = new SetStatement(
      db,
      (where) =>
        "INSERT INTO delivery (seq, center_id, state, received_at, acknowledged_at, operator, note, reason) " +
        `SELECT alarm.seq, ?, ?, ?, ?, ?, ?, ? FROM alarm WHERE ${where} ` +
        "ON CONFLICT DO UPDATE SET " +
        `state = CASE WHEN state >= ${RECEIVED} THEN max(state, excluded.state) ELSE excluded.state END, ` +
        "received_at = coalesce(received_at, excluded.received_at), " +
        "acknowledged_at = coalesce(acknowledged_at, excluded.acknowledged_at), " +
        "operator = coalesce(operator, excluded.operator), note = coalesce(note, excluded.note), " +
        `reason = CASE WHEN state >= ${RECEIVED} OR excluded.state >= ${RECEIVED} THEN NULL ELSE excluded.reason END`,
    );
    this.#present = new SetStatement(db, (where) => `SELECT seq FROM alarm WHERE ${where}`);
  }

  /** Stores a PubAck. To be called inside a transaction, as everything here. */
  relayed({ frame, streamId, streamSeq, atMs }: RelayedMark): void {
    const { lane, seqs } = frame;
    const first = seqs[0] as number;
    const last = seqs.at(-1) as number;
    const fresh = this.#fresh.get(lane, first, last);
    // Mostly the frame is all that was new in this part of its lane; if not (some were evicted, held before their
    // mark was stored, or relayed again) they are named one by one.
    if (!frame.again && fresh?.rows === seqs.length) {
      this.#counts.moved(lane, STAGE.accepted, STAGE.relayed, fresh.rows, fresh.bytes);
      this.#relayed.run(atMs, streamId, streamSeq, lane, first, last);
    } else {
      const named: SeqSet = { kind: "list", json: JSON.stringify(seqs) };
      this.#countMoves(named, STAGE.relayed);
      this.#relayedNamed.run(named, atMs, streamId, streamSeq);
    }
    if (this.#events.isHeard && !frame.again) this.#tell(seqs, { stage: "relayed", at: formatTime(atMs) });
  }

  /** Applies one change of the hub. Alarms that this file never had are passed over. */
  apply(change: Change, ledgerN: number): void {
    const runs = change.ids.map((range) => this.#epochs.clip(range)).filter((run) => run !== undefined);
    const atMs = Date.parse(change.at);
    const state = stateAfter(change.kind);
    for (const set of toSeqSets(runs)) {
      if (change.kind === "held") this.#hold(set, change, atMs, ledgerN);
      else if (change.kind === "settled") this.#settle(set, atMs);
      else if (state !== undefined && change.center !== undefined) this.#deliver(set, change, state, atMs);
      if (this.#events.isHeard) this.#tellChange(set, change);
    }
  }

  /** A transaction failed: names that it added are not there. */
  rollback(): void {
    this.#centerIds.forget();
    this.#routeIds.forget();
  }

  #hold(set: SeqSet, change: Change, atMs: number, ledgerN: number): void {
    const stage = this.#settlesAtHeld ? STAGE.settled : STAGE.held;
    const routeId = change.centers === undefined ? null : this.#routeIds.idOf(JSON.stringify(change.centers));
    this.#countMoves(set, stage);
    this.#held.run(set, stage, atMs, this.#settlesAtHeld ? atMs : null, ledgerN, routeId);
  }

  #settle(set: SeqSet, atMs: number): void {
    this.#countMoves(set, STAGE.settled);
    this.#settled.run(set, atMs);
  }

  #deliver(set: SeqSet, change: Change, state: number, atMs: number): void {
    const { kind, center = "", operator, reason, note } = change;
    this.#delivery.run(
      set,
      this.#centerIds.idOf(center),
      state,
      kind === "received" ? atMs : null,
      kind === "acknowledged" ? atMs : null,
      kind === "acknowledged" ? (operator ?? null) : null,
      kind === "acknowledged" ? (note ?? null) : null,
      reason ?? (state < RECEIVED ? (note ?? null) : null),
    );
  }

  #countMoves(set: SeqSet, to: StageNumber): void {
    for (const { lane, stage, rows, bytes } of this.#moving.all(set, to)) {
      this.#counts.moved(lane, stage, to, rows, bytes);
    }
  }

  #tellChange(set: SeqSet, change: Change): void {
    const { kind, at, center, operator } = change;
    const seqs = this.#present.all(set).map((row) => row.seq);
    const stage = kind === "redriven" ? "pending" : kind;
    this.#tell(seqs, {
      stage,
      at,
      ...(center === undefined ? {} : { center }),
      ...(operator === undefined ? {} : { operator }),
    });
    if (kind === "held" && this.#settlesAtHeld) this.#tell(seqs, { stage: "settled", at });
  }

  #tell(seqs: readonly number[], event: Omit<StageEvent, "id">): void {
    for (const seq of seqs) this.#events.add({ id: this.#epochs.idOf(seq), ...event });
  }
}

/** Small numbers for texts that repeat: the names of centers, the centers of routes. */
class Names {
  readonly #add: Statement<[string], number>;
  readonly #known = new Map<string, number>();

  constructor(db: SqliteDatabase, table: string, column: string) {
    this.#add = db
      .prepare(
        `INSERT INTO ${table} (${column}) VALUES (?) ON CONFLICT DO UPDATE SET ${column} = ${column} RETURNING id`,
      )
      .pluck() as Statement<[string], number>;
  }

  forget(): void {
    this.#known.clear();
  }

  idOf(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const id = this.#add.get(text) as number;
    this.#known.set(text, id);
    return id;
  }
}
