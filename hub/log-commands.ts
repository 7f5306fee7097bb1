import { formatTime } from "../shared/alarm/time.ts";
import type { LogPublisher } from "../shared/nats/publish.ts";
import type { Receipt } from "../shared/wire/receipt.ts";
import { receiptSubject } from "../shared/wire/subjects.ts";
import type { AcknowledgeAnswer, Acknowledgment, HubCommands, RedriveAnswer } from "./commands.ts";
import type { Intake } from "./intake/intake.ts";
import type { Ledger } from "./ledger/ledger.ts";

const FOLLOW_MS_MAX = 5_000;

/**
 * Commands are published to a log first and take effect when they are read back from it. So every hub comes to the
 * same state, and an answer is given only after the PubAck, from what the ledger then says.
 */
export class LogCommands implements HubCommands {
  readonly #ledger: Ledger;
  readonly #intake: Intake;
  readonly #publisher: LogPublisher;

  constructor(parts: { ledger: Ledger; intake: Intake; publisher: LogPublisher }) {
    this.#ledger = parts.ledger;
    this.#intake = parts.intake;
    this.#publisher = parts.publisher;
  }

  /** Publishes an acknowledgment for a center that does not send its receipts itself: an operator at the hub. */
  async acknowledge(id: string, by: Acknowledgment): Promise<AcknowledgeAnswer> {
    const ref = this.#ledger.refs.find([id]).found[0];
    if (ref === undefined) return { kind: "not_found" };
    const centerId = this.#ledger.names.knownCenterId(by.center);
    const delivery = centerId === undefined ? undefined : this.#ledger.deliveries.stateOf(centerId, ref);
    if (delivery === undefined || !delivery.received) return { kind: "not_delivered" };
    const before = this.#answer(id, by, false);
    if (before !== undefined) return before;
    const receipt: Receipt = {
      type: "acknowledged",
      alarms: [id],
      at: formatTime(Date.now()),
      operator: by.operator,
      ...(by.note === undefined ? {} : { note: by.note }),
    };
    const msgId = `acknowledge-${crypto.randomUUID()}`;
    const ack = await this.#publisher.publish(receiptSubject(by.center), JSON.stringify(receipt), { msgId });
    await this.#intake.receipts.waitForSeq(ack.seq, FOLLOW_MS_MAX);
    return this.#answer(id, by, true) ?? { kind: "not_delivered" };
  }

  /** Has a dead or rejected delivery dispatched again. */
  async redrive(id: string, center: string): Promise<RedriveAnswer> {
    const ref = this.#ledger.refs.find([id]).found[0];
    const centerId = this.#ledger.names.knownCenterId(center);
    if (ref === undefined || centerId === undefined) return { kind: "not_found" };
    const delivery = this.#ledger.deliveries.stateOf(centerId, ref);
    if (delivery === undefined) return { kind: "not_found" };
    if (delivery.state !== "dead" && delivery.state !== "rejected") return { kind: "not_dead" };
    await this.#intake.decide("redriven", { id, center });
    return { kind: "redriven" };
  }

  #answer(id: string, by: Acknowledgment, created: boolean): AcknowledgeAnswer | undefined {
    const responsible = this.#ledger.receipts.responsible(id);
    if (responsible === undefined) return undefined;
    const { center, operator } = responsible;
    const at = formatTime(responsible.atMs);
    if (center === by.center && operator === by.operator) return { kind: "acknowledged", created, at };
    return { kind: "already_acknowledged", center, operator, at };
  }
}
