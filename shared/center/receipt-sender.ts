import { randomUUID } from "node:crypto";
import { formatTime } from "../alarm/time.ts";
import type { NatsLink } from "../nats/link.ts";
import type { LogPublisher } from "../nats/publish.ts";
import { messageOf } from "../runtime/errors.ts";
import { RECEIPT_ALARMS_MAX, type Receipt } from "../wire/receipt.ts";
import { receiptSubject } from "../wire/subjects.ts";
import type { OutcomeKind } from "./state/outcome-store.ts";

/** An answer for one alarm that has not been published yet. */
export interface Answer {
  id: string;
  kind: OutcomeKind;
  reason: string | undefined;
  /** Called after the PubAck of the receipt that carries it. */
  onPublished: () => void;
}

interface Batch {
  msgId: string;
  receipt: Receipt;
  answers: Answer[];
}

/** Receipts that wait for their PubAcks at once; what comes meanwhile shares the next ones. */
const IN_FLIGHT_MAX = 4;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 5_000;
/** The longest alarm id, with quotes and a comma. */
const ID_BYTES_MAX = 150;
const RECEIPT_HEAD_BYTES_MAX = 8 * 1024;

/**
 * Publishes what the center says about deliveries. Answers of one turn of the event loop (which is one commit of the
 * store) share a receipt; a single one leaves at once. A receipt without PubAck is sent again unchanged until it has
 * one: what it answers stays held, and the server's own memory of the message id removes the double.
 */
export class ReceiptSender {
  readonly #subject: string;
  readonly #link: NatsLink;
  readonly #publisher: LogPublisher;
  readonly #onTrouble: (error: Error) => void;
  #waiting: Answer[] = [];
  #inFlight = 0;
  #scheduled = false;
  #retryMs = RETRY_MS_FIRST;
  #stopped = false;
  readonly #wakes = new Set<() => void>();

  constructor(options: {
    center: string;
    link: NatsLink;
    publisher: LogPublisher;
    onTrouble: (error: Error) => void;
  }) {
    this.#subject = receiptSubject(options.center);
    this.#link = options.link;
    this.#publisher = options.publisher;
    this.#onTrouble = options.onTrouble;
    options.link.onConnect(() => this.#wakeAll());
  }

  send(answer: Answer): void {
    this.#waiting.push(answer);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // The next tick comes after all promises of this turn have had their reactions.
    process.nextTick(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** True when every answer has its PubAck. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#inFlight === 0;
  }

  /** Gives up waiting for the link. What has no PubAck comes again in its frame. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#wakeAll();
  }

  #pump(): void {
    while (this.#inFlight < IN_FLIGHT_MAX && this.#waiting.length > 0 && !this.#stopped) {
      this.#inFlight++;
      void this.#publish(this.#nextBatch()).finally(() => {
        this.#inFlight--;
        this.#pump();
      });
    }
  }

  /** The oldest waiting answer and all that can share a receipt with it. */
  #nextBatch(): Batch {
    const roomMax = Math.floor((this.#link.payloadBytesMax - RECEIPT_HEAD_BYTES_MAX) / ID_BYTES_MAX);
    const alarmsMax = Math.max(1, Math.min(RECEIPT_ALARMS_MAX, roomMax));
    const first = this.#waiting[0] as Answer;
    const answers: Answer[] = [];
    const others: Answer[] = [];
    for (const answer of this.#waiting) {
      const fits = answers.length < alarmsMax && answer.kind === first.kind && answer.reason === first.reason;
      (fits ? answers : others).push(answer);
    }
    this.#waiting = others;
    const receipt: Receipt = {
      type: first.kind,
      alarms: answers.map(({ id }) => id),
      at: formatTime(Date.now()),
      ...(first.reason === undefined ? {} : { reason: first.reason }),
    };
    return { msgId: randomUUID(), receipt, answers };
  }

  /** Resolves once the batch has its PubAck, or the sender was stopped. */
  async #publish({ msgId, receipt, answers }: Batch): Promise<void> {
    const payload = JSON.stringify(receipt);
    while (!this.#stopped) {
      try {
        await this.#publisher.publish(this.#subject, payload, { msgId });
        this.#retryMs = RETRY_MS_FIRST;
        for (const answer of answers) answer.onPublished();
        return;
      } catch (error) {
        if (this.#link.connected) this.#onTrouble(new Error(`receipts wait: ${messageOf(error)}`, { cause: error }));
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(RETRY_MS_MAX, delayMs * 2);
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delayMs);
      this.#wakes.add(wake);
    });
  }

  #wakeAll(): void {
    this.#retryMs = RETRY_MS_FIRST;
    for (const wake of this.#wakes) wake();
  }
}
