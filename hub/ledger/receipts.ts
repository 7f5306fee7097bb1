import type { AlarmIdentity } from "../../shared/alarm/identity.ts";
import { parseTime } from "../../shared/alarm/time.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { AcknowledgeOutcome, Receipt } from "../../shared/wire/receipt.ts";
import type { Deliveries, DeliveryHappening } from "./deliveries.ts";
import type { HeldAlarm } from "./hold.ts";
import type { Names } from "./names.ts";
import type { Refs } from "./refs.ts";
import type { Seen } from "./seen.ts";

/** How many receipts for unknown alarms are kept; the oldest go first. */
const EARLY_MAX = 100_000;

/** Who took responsibility for an alarm. */
export interface Responsible {
  center: string;
  operator: string;
  atMs: number;
}

type EarlyReceipt = Omit<Receipt, "alarms">;

/**
 * Applies receipts. One that names an alarm which the ledger does not hold is kept aside: after a loss the logs of
 * receipts and of alarms may come back unevenly, and the agent relays the alarm again. It is applied when the alarm
 * is held, so that a center that has taken it over is not asked a second time.
 */
export class Receipts {
  readonly #names: Names;
  readonly #refs: Refs;
  readonly #seen: Seen;
  readonly #deliveries: Deliveries;
  readonly #statements: ReturnType<typeof prepare>;
  #earlyCount: number;

  constructor(db: SqliteDatabase, parts: { names: Names; refs: Refs; seen: Seen; deliveries: Deliveries }) {
    this.#names = parts.names;
    this.#refs = parts.refs;
    this.#seen = parts.seen;
    this.#deliveries = parts.deliveries;
    this.#statements = prepare(db);
    this.#earlyCount = this.#statements.earlyCount.get()?.count ?? 0;
  }

  /**
   * Applies what a center says. The highest number of an alarm that it is about comes back; 0 if none is held. To be
   * called inside a transaction.
   */
  apply(center: string, receipt: Receipt): number {
    const centerId = this.#names.knownCenterId(center);
    if (centerId === undefined) return 0;
    const { found, missing } = this.#refs.find(receipt.alarms);
    if (found.length > 0) this.#deliveries.apply(happeningOf(centerId, receipt), found);
    for (const identity of missing) this.#keepEarly(center, receipt, identity);
    return found.reduce((highest, { n }) => Math.max(highest, n), 0);
  }

  /** Applies what centers had said about alarms before they were held. To be called inside a transaction. */
  applyEarly(agent: string, held: readonly HeldAlarm[]): void {
    if (this.#earlyCount === 0) return;
    for (const alarm of held) {
      for (const row of this.#statements.takeEarly.all(agent, alarm.epoch, alarm.seq)) {
        this.#earlyCount -= 1;
        const receipt = JSON.parse(row.body) as EarlyReceipt;
        const centerId = this.#names.knownCenterId(row.center);
        if (centerId !== undefined) this.#deliveries.apply(happeningOf(centerId, receipt), [alarm]);
      }
    }
  }

  /** Who took responsibility for an alarm, and when; undefined if nobody has, or the alarm is unknown. */
  responsible(id: string): Responsible | undefined {
    const ref = this.#refs.find([id]).found[0];
    return ref === undefined ? undefined : this.#statements.responsible.get(ref.n);
  }

  /** How the acknowledgment of an alarm by `center` has ended, as far as the ledger has followed. */
  outcome(id: string, center: string): AcknowledgeOutcome {
    const found = this.responsible(id);
    if (found === undefined) return { kind: "unknown" };
    if (found.center === center) return { kind: "acknowledged" };
    return { kind: "already", center: found.center, operator: found.operator };
  }

  /** Counts again, after a transaction that failed. */
  forget(): void {
    this.#earlyCount = this.#statements.earlyCount.get()?.count ?? 0;
  }

  #keepEarly(center: string, receipt: Receipt, identity: AlarmIdentity): void {
    const agentId = this.#names.knownAgentId(identity.agent);
    const epochId = agentId === undefined ? undefined : this.#names.knownEpochId(agentId, identity.epoch);
    // It was held once and has left the ledger since: there is nothing left to say about it.
    if (epochId !== undefined && this.#seen.has(epochId, identity.seq)) return;
    const { alarms: _, ...body } = receipt;
    this.#statements.addEarly.run(identity.agent, identity.epoch, identity.seq, center, JSON.stringify(body));
    this.#earlyCount += 1;
    if (this.#earlyCount > EARLY_MAX) this.#earlyCount -= this.#statements.dropEarly.run().changes;
  }
}

function happeningOf(centerId: number, receipt: EarlyReceipt): DeliveryHappening {
  return {
    event: receipt.type,
    centerId,
    atMs: parseTime(receipt.at),
    ...(receipt.operator === undefined ? {} : { operator: receipt.operator }),
    ...(receipt.note === undefined ? {} : { note: receipt.note }),
    ...(receipt.reason === undefined ? {} : { reason: receipt.reason }),
  };
}

function prepare(db: SqliteDatabase) {
  return {
    earlyCount: db.prepare("SELECT count(*) AS count FROM early_receipt") as Statement<[], { count: number }>,
    addEarly: db.prepare("INSERT INTO early_receipt (agent, epoch, seq, center, body) VALUES (?, ?, ?, ?, ?)"),
    takeEarly: db.prepare(
      "DELETE FROM early_receipt WHERE agent = ? AND epoch = ? AND seq = ? RETURNING center, body",
    ) as Statement<[string, string, number], { center: string; body: string }>,
    dropEarly: db.prepare("DELETE FROM early_receipt WHERE id = (SELECT min(id) FROM early_receipt)"),
    responsible: db.prepare(
      "SELECT c.name AS center, a.operator, a.acknowledged_at AS atMs FROM alarm a " +
        "JOIN center c ON c.id = a.acknowledged_by WHERE a.n = ?",
    ) as Statement<[number], Responsible>,
  };
}
