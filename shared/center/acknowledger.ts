import { randomUUID } from "node:crypto";
import { formatTime } from "../alarm/time.ts";
import type { NatsLink } from "../nats/link.ts";
import type { LogPublisher } from "../nats/publish.ts";
import { messageOf, RelayError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/log.ts";
import { Loop, type StepResult } from "../runtime/loop.ts";
import {
  type AcknowledgeOutcome,
  RECEIPT_ALARMS_MAX,
  type Receipt,
  type ReceiptOutcomeReply,
  type ReceiptOutcomeRequest,
} from "../wire/receipt.ts";
import { receiptSubject, SUBJECTS } from "../wire/subjects.ts";
import type { KeptAcknowledgment, OutcomeStore } from "./state/outcome-store.ts";

/** What became of an acknowledgment. `stored`: it is kept and will be sent; how it ended is not known yet. */
export type AcknowledgeResult =
  | { kind: "acknowledged" }
  | { kind: "already"; center: string; operator: string }
  | { kind: "withdrawn" }
  | { kind: "stored" };

interface Pending extends KeptAcknowledgment {
  settle: (result: AcknowledgeResult | RelayError) => void;
}

interface Batch {
  msgId: string;
  members: Pending[];
}

const OUTCOME_WAIT_MS = 5_000;
const POLL_MS = 10;
const IDLE_MS = 30_000;
/** With no state directory they wait in memory; more than this are refused instead of forgotten. */
const PENDING_MAX = 100_000;

/**
 * Sends acknowledgments. Each is kept first, so that one made offline, or cut off by the end of the process, is sent
 * later; then published, forgotten after the PubAck, and the hub is asked how it ended. Those that come together with
 * the same operator and note share a receipt.
 */
export class Acknowledger {
  readonly #center: string;
  readonly #link: NatsLink;
  readonly #publisher: LogPublisher;
  readonly #store: OutcomeStore;
  readonly #onWithdrawn: (id: string) => void;
  readonly #loop: Loop;
  readonly #log: Logger;
  #pending: Pending[] = [];
  #unsent: Batch | undefined;
  /** Requests for outcomes that have no answer yet. */
  #asking = 0;

  constructor(options: {
    center: string;
    link: NatsLink;
    publisher: LogPublisher;
    store: OutcomeStore;
    onWithdrawn: (id: string) => void;
    log: Logger;
  }) {
    this.#center = options.center;
    this.#link = options.link;
    this.#publisher = options.publisher;
    this.#store = options.store;
    this.#onWithdrawn = options.onWithdrawn;
    this.#log = options.log;
    this.#loop = new Loop(() => this.#sendSome(), { name: "acknowledgments", log: options.log, idleMs: IDLE_MS });
  }

  start(): void {
    for (const kept of this.#store.keptAcknowledgments()) this.#pending.push({ ...kept, settle: () => undefined });
    this.#link.onConnect(() => this.#loop.poke());
    this.#link.onDisconnect(() => this.#settleAllStored());
    this.#loop.start();
  }

  /** Resolves when it is known how the acknowledgment ended, or that it is kept and will be sent. */
  async acknowledge(id: string, operator: string, note: string | undefined): Promise<AcknowledgeResult> {
    if (this.#pending.length >= PENDING_MAX) {
      throw new RelayError("queue_full", `${PENDING_MAX} acknowledgments wait to be sent`, {
        hint: "wait for the connection to NATS",
      });
    }
    const kept = await this.#store.keepAcknowledgment({ id, operator, note, at: formatTime(Date.now()) });
    const result = await new Promise<AcknowledgeResult | RelayError>((settle) => {
      this.#pending.push({ ...kept, settle });
      if (this.#link.connected) this.#loop.poke();
      else settle({ kind: "stored" });
    });
    if (result instanceof RelayError) throw result;
    return result;
  }

  /** Resolves when nothing waits to be sent or answered, or the link is down, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    const isBusy = (): boolean => this.#pending.length > 0 || this.#unsent !== undefined || this.#asking > 0;
    while (isBusy() && this.#link.connected && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** What is not sent stays kept. */
  async stop(): Promise<void> {
    this.#settleAllStored();
    await this.#loop.stop();
  }

  async #sendSome(): Promise<StepResult> {
    if (!this.#link.connected) return "idle";
    this.#unsent ??= this.#nextBatch();
    if (this.#unsent === undefined) return "idle";
    const { msgId, members } = this.#unsent;
    let receiptSeq: number;
    try {
      const ack = await this.#publisher.publish(receiptSubject(this.#center), JSON.stringify(receiptOf(members)), {
        msgId,
      });
      receiptSeq = ack.seq;
    } catch (error) {
      // The batch stays as it is and is sent again; whoever waits for it learns that it is kept.
      for (const { settle } of members) settle({ kind: "stored" });
      throw error;
    }
    this.#unsent = undefined;
    this.#store.forgetAcknowledgments(members);
    this.#asking++;
    void this.#settle(members, receiptSeq).finally(() => this.#asking--);
    return "more";
  }

  #nextBatch(): Batch | undefined {
    const first = this.#pending[0];
    if (first === undefined) return undefined;
    const members: Pending[] = [];
    const others: Pending[] = [];
    for (const pending of this.#pending) {
      const fits =
        members.length < RECEIPT_ALARMS_MAX && pending.operator === first.operator && pending.note === first.note;
      (fits ? members : others).push(pending);
    }
    this.#pending = others;
    return { msgId: randomUUID(), members };
  }

  async #settle(members: readonly Pending[], receiptSeq: number): Promise<void> {
    const request: ReceiptOutcomeRequest = {
      center: this.#center,
      receiptSeq,
      alarms: members.map(({ id }) => id),
    };
    let outcomes: AcknowledgeOutcome[];
    try {
      const reply = await this.#link.request(SUBJECTS.receiptOutcomes, JSON.stringify(request), OUTCOME_WAIT_MS);
      ({ outcomes } = JSON.parse(reply) as ReceiptOutcomeReply);
    } catch (error) {
      this.#log.debug(`no outcome of ${members.length} acknowledgments: ${messageOf(error)}`);
      outcomes = [];
    }
    members.forEach(({ id, settle }, i) => {
      const outcome = outcomes[i];
      if (outcome?.kind === "withdrawn") this.#onWithdrawn(id);
      settle(resultOf(id, outcome));
    });
  }

  #settleAllStored(): void {
    for (const { settle } of [...this.#pending, ...(this.#unsent?.members ?? [])]) settle({ kind: "stored" });
  }
}

function receiptOf(members: readonly Pending[]): Receipt {
  const [{ operator, note, at }] = members as [Pending];
  return {
    type: "acknowledged",
    alarms: members.map(({ id }) => id),
    at,
    operator,
    ...(note === undefined ? {} : { note }),
  };
}

function resultOf(id: string, outcome: AcknowledgeOutcome | undefined): AcknowledgeResult | RelayError {
  if (outcome === undefined) return { kind: "stored" };
  if (outcome.kind !== "unknown") return outcome;
  return new RelayError("not_delivered", `alarm ${id} was not delivered to this center`);
}
