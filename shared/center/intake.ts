import { LANES, type Lane } from "../alarm/priority.ts";
import type { NatsLink } from "../nats/link.ts";
import type { LogPublisher } from "../nats/publish.ts";
import { DurablePull, giveBackLeft, type PulledMessage } from "../nats/pull.ts";
import type { Logger } from "../runtime/log.ts";
import { type DeliveredAlarm, type DeliveryFault, decodeDelivery } from "../wire/cloudevent.ts";
import { deliveryDurable, inboxPrefix, STREAMS } from "../wire/subjects.ts";
import type { AcknowledgeResult } from "./acknowledger.ts";
import { callHandler, receiptReason } from "./handler-call.ts";
import { type AlarmJob, HandlerPool } from "./handler-pool.ts";
import { HeldFrame, HeldFrames } from "./held-frame.ts";
import { LaneWatch } from "./lane-watch.ts";
import { ReceiptSender } from "./receipt-sender.ts";
import type { AlarmRecord, Outcome, OutcomeStore } from "./state/outcome-store.ts";
import type { AcknowledgedBy, Handler } from "./types.ts";

export interface IntakeOptions {
  center: string;
  link: NatsLink;
  publisher: LogPublisher;
  store: OutcomeStore;
  concurrency: number;
  /** True if nobody else listens as this center. */
  isSole: boolean;
  handler: Handler;
  /** Given to every delivery. */
  signal: AbortSignal;
  acknowledge: (id: string, by: AcknowledgedBy) => Promise<AcknowledgeResult>;
  onTrouble: (error: Error) => void;
  log: Logger;
}

interface OpenAlarm extends AlarmJob {
  relayedAgain: boolean;
  /** What its receipt says, which has no PubAck yet; undefined before the call has ended. */
  answer: Outcome | undefined;
  /** Every copy of a frame that waits for this alarm's answer. */
  frames: HeldFrame[];
}

/** An alarm as it came out of a frame. */
interface Arrival {
  delivered: DeliveredAlarm;
  /** What the store knows about it. */
  record: AlarmRecord;
  lane: Lane;
  deliveryCount: number;
}

const POLL_MS = 10;

/**
 * The way of a frame through the center:
 *
 *     pull ─frame─▶ decode ─alarm─▶ known? ──yes──────────────────┐
 *                                     │no                          ▼
 *                                     └─▶ handler ─▶ outcome kept ─▶ receipt ─PubAck─▶ all alarms answered ─▶ message ack
 *
 * An alarm is open from its arrival to the PubAck of its receipt; a second copy that comes meanwhile waits for the same
 * answer. The server's own redelivery therefore never reaches the handler twice. Only a new try that the hub sends
 * because it has read the receipt before its PubAck came here is another alarm.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #pulls: readonly DurablePull[];
  readonly #frames = new HeldFrames();
  readonly #receipts: ReceiptSender;
  readonly #pool: HandlerPool<OpenAlarm>;
  readonly #open = new Map<string, OpenAlarm>();
  readonly #lanes: LaneWatch;

  constructor(options: IntakeOptions) {
    const { center, link, publisher, store, concurrency, onTrouble, log } = options;
    this.#options = options;
    this.#receipts = new ReceiptSender({ center, link, publisher, onTrouble });
    this.#pool = new HandlerPool({
      concurrency,
      store,
      call: (job, attempt) => this.#call(job, attempt),
      onOutcome: (job, outcome) => this.#answer(job, outcome),
      onTrouble,
    });
    this.#lanes = new LaneWatch(center, log);
    this.#pulls = LANES.map(
      (lane) =>
        new DurablePull({
          link,
          stream: STREAMS.deliveries,
          durable: deliveryDurable(center, lane),
          inboxPrefix: inboxPrefix("center", center),
          onMessage: (message) => this.#take(message, lane),
          onMissing: (isMissing) => this.#lanes.saw(lane, isMissing),
          log,
        }),
    );
  }

  /** Begins to pull. What an earlier process held when it was killed comes first, at once. */
  start(): void {
    const { store, link, isSole } = this.#options;
    // Where others listen too, one of them may hold it by now.
    if (isSole) for (const ackSubject of store.takeLeftFrames()) giveBackLeft(link, ackSubject);
    for (const pull of this.#pulls) pull.start();
  }

  /** Pulls no more and starts no further handler; resolves when those that run have ended and are stored. */
  async drain(): Promise<void> {
    for (const pull of this.#pulls) pull.stop();
    await this.#pool.drain();
  }

  /** Resolves when every receipt has its PubAck, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!this.#receipts.isIdle && this.#options.link.connected && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Ends it: frames that are not answered are given back, handlers that still run are left to themselves. */
  close(): void {
    this.#pool.abandon();
    this.#receipts.stop();
    for (const pull of this.#pulls) pull.stop();
    this.#lanes.stop();
    this.#frames.giveBackAll();
  }

  #take(message: PulledMessage, lane: Lane): void {
    const frame: HeldFrame = new HeldFrame(message, () => {
      this.#frames.remove(frame);
      this.#options.store.letGoFrame(message.ackSubject);
      this.#pulls[lane]?.release(message.bytes);
    });
    this.#frames.add(frame);
    this.#options.store.holdFrame(message.ackSubject);
    const { alarms, faults } = decodeDelivery(message.payload(), message.contentType);
    const unreadable = faults.find(({ index }) => index < 0);
    if (unreadable !== undefined) {
      this.#options.onTrouble(new Error(`a frame could not be read and was set aside: ${unreadable.reason}`));
      frame.terminate(receiptReason(unreadable.reason));
      return;
    }
    for (const fault of faults) this.#refuse(fault, frame);
    const records = this.#options.store.find(alarms.map(({ alarm }) => alarm.id));
    alarms.forEach((delivered, i) => {
      const arrival = { delivered, record: records[i] as AlarmRecord, lane, deliveryCount: message.deliveryCount };
      this.#admit(arrival, frame);
    });
    frame.answered();
  }

  /** An item that cannot be read would not get better by coming again: it is refused by name, if it has one. */
  #refuse({ index, id, reason }: DeliveryFault, frame: HeldFrame): void {
    this.#options.onTrouble(
      new Error(`item ${index} of a frame (${id ?? "without an id"}) could not be read: ${reason}`),
    );
    if (id === undefined) return;
    frame.expect();
    const refusal = receiptReason(`the center cannot read it: ${reason}`);
    this.#receipts.send({ id, kind: "rejected", reason: refusal, onPublished: () => frame.answered() });
  }

  #admit({ delivered, record, lane, deliveryCount }: Arrival, frame: HeldFrame): void {
    const { alarm, attempt, relayedAgain } = delivered;
    frame.expect();
    const open = this.#open.get(alarm.id);
    if (open !== undefined && (open.answer === undefined || answers(open.answer, attempt))) {
      open.frames.push(frame);
      return;
    }
    const job: OpenAlarm = {
      alarm,
      lane,
      record,
      wire: { attempt, deliveryCount },
      relayedAgain: relayedAgain || deliveryCount > 1 || (attempt > 1 && record.calls === 0),
      answer: undefined,
      frames: [frame],
    };
    this.#open.set(alarm.id, job);
    if (record.outcome !== undefined && answers(record.outcome, attempt)) this.#answer(job, record.outcome);
    else this.#pool.add(job);
  }

  #call({ alarm, wire, relayedAgain }: OpenAlarm, attempt: number): Promise<Outcome> {
    const { handler, signal, acknowledge } = this.#options;
    const deliveredAttempt = wire.attempt;
    return callHandler(handler, { alarm, attempt, relayedAgain, signal, acknowledge, deliveredAttempt });
  }

  #answer(job: OpenAlarm, outcome: Outcome): void {
    const { id } = job.alarm;
    const { kind, reason } = outcome;
    job.answer = outcome;
    this.#receipts.send({
      id,
      kind,
      reason,
      onPublished: () => {
        if (this.#open.get(id) === job) this.#open.delete(id);
        for (const frame of job.frames) frame.answered();
      },
    });
  }
}

/**
 * True if what is known answers this delivery. Received is for ever. A failure or a refusal answers only the delivery
 * that met it: another number means that the hub, or somebody who redrives it, wants a new try.
 */
function answers(outcome: Outcome, deliveredAttempt: number): boolean {
  return outcome.kind === "received" || outcome.deliveredAttempt === deliveredAttempt;
}
