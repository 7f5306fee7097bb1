import { randomBytes } from "node:crypto";
import { LANES, type Lane } from "../../shared/alarm/priority.ts";
import type { LogPublisher } from "../../shared/nats/publish.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { encodeFrame } from "../../shared/wire/frame.ts";
import { alarmSubject, OWN_AGENT } from "../../shared/wire/subjects.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { OwnAlarm } from "../ledger/own-alarms.ts";

const IDLE_MS = 5_000;
/** What has its PubAck and is not held after this long is published again: the log may have lost it. */
const AGAIN_MS = 30_000;
/** Each is at most 34 KiB of text, so that a frame stays below what a server takes by default. */
const ALARMS_PER_FRAME = 16;
const READ_MAX = 256;

/**
 * Puts the hub's own alarms into ALARMS, from where they are followed, routed and delivered like those of any gateway.
 * They stay in the ledger's outbox until it holds them.
 */
export class OwnAlarmRelay {
  readonly #ledger: Ledger;
  readonly #publisher: LogPublisher;
  readonly #loop: Loop;
  readonly #publishedAtMs = new Map<number, number>();

  constructor(parts: { ledger: Ledger; publisher: LogPublisher; log: Logger; isConnected: () => boolean }) {
    this.#ledger = parts.ledger;
    this.#publisher = parts.publisher;
    const step = (): Promise<StepResult> => (parts.isConnected() ? this.#step() : Promise.resolve("idle"));
    this.#loop = new Loop(step, { name: "the hub's own alarms", log: parts.log, idleMs: IDLE_MS });
    parts.ledger.onCommit(() => {
      if (parts.ledger.own.takeNews()) this.#loop.poke();
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(): Promise<StepResult> {
    const { own } = this.#ledger;
    const nowMs = Date.now();
    if (own.hasDue(nowMs)) await this.#ledger.write(() => own.flush(nowMs));
    const waiting = own.waiting(READ_MAX);
    const seqs = new Set(waiting.map(({ seq }) => seq));
    for (const seq of this.#publishedAtMs.keys()) if (!seqs.has(seq)) this.#publishedAtMs.delete(seq);
    const unpublished = waiting.filter(({ seq }) => this.#isUnpublished(seq));
    for (const lane of LANES) {
      const frame = unpublished.filter((alarm) => alarm.lane === lane).slice(0, ALARMS_PER_FRAME);
      if (frame.length > 0) await this.#publish(lane, frame);
    }
    return unpublished.length > ALARMS_PER_FRAME ? "more" : "idle";
  }

  #isUnpublished(seq: number): boolean {
    const atMs = this.#publishedAtMs.get(seq);
    return atMs === undefined || performance.now() - atMs > AGAIN_MS;
  }

  async #publish(lane: Lane, frame: readonly OwnAlarm[]): Promise<void> {
    const msgId = randomBytes(12).toString("base64url");
    const payload = encodeFrame(frame.map(({ alarm }) => alarm));
    await this.#publisher.publish(alarmSubject(OWN_AGENT, lane), payload, { msgId });
    for (const { seq } of frame) this.#publishedAtMs.set(seq, performance.now());
  }
}
