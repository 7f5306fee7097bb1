import { type Lane, priorityOf } from "../../shared/alarm/priority.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { encodeFrame, FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import { HEADERS } from "../../shared/wire/headers.ts";
import { alarmSubject } from "../../shared/wire/subjects.ts";
import type { Turns } from "./turns.ts";
import type { Frame, FramePublisher, RelayQueue } from "./types.ts";

/** What the protocol adds to a payload: subject, msgId and headers. */
const HEADER_BYTES_MAX = 1024;
const IDLE_MS = 60_000;
const AGAIN_HEADERS = { [HEADERS.relayedAgain]: "1" } as const;
const NO_HEADERS = {} as const;

export interface LaneRelayOptions {
  agent: string;
  lane: Lane;
  queue: RelayQueue;
  publisher: FramePublisher;
  turns: Turns;
  /** What the server takes in one message, in bytes. */
  payloadBytesMax: () => number;
  isConnected: () => boolean;
  /** A new id for a message. */
  newMsgId: () => string;
  /** The stream has lost what it had acknowledged: the hub is to be asked what it has. */
  onStreamLost: () => void;
  /** Lower lanes may have their turn now. */
  onYield: (lane: Lane) => void;
  log: Logger;
}

interface Outgoing {
  frame: Frame;
  payload: string;
  msgId: string;
}

/**
 * Sends one lane, one frame at a time. A frame is sent again unchanged, under the same msgId, until it is answered:
 * that alone keeps order, and what had been stored although its PubAck was lost is not stored twice.
 *
 * While a frame is under way the next one is read and encoded, so that the lane does not wait for the disk.
 */
export class LaneRelay {
  readonly #options: LaneRelayOptions;
  readonly #loop: Loop;
  readonly #ready: Outgoing[] = [];
  #isSending = false;
  #ackedSeq = 0;
  #trouble: string | undefined;

  constructor(options: LaneRelayOptions) {
    this.#options = options;
    this.#loop = new Loop(() => this.#step(), {
      name: `relay of ${priorityOf(options.lane)} alarms`,
      log: options.log,
      idleMs: IDLE_MS,
    });
  }

  start(): void {
    this.#loop.start();
  }

  poke(): void {
    this.#loop.poke();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Why the last attempt failed; undefined if it did not. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** True while alarms of this lane wait to be sent; those under way do not count. */
  get isWaiting(): boolean {
    return this.#ready.length > (this.#isSending ? 1 : 0) || this.#options.queue.isWaiting(this.#options.lane);
  }

  async #step(): Promise<StepResult> {
    const { lane, turns, isConnected, onYield, queue } = this.#options;
    if (!isConnected()) return "idle";
    const outgoing = this.#next();
    if (outgoing === undefined) {
      onYield(lane);
      return queue.isWaiting(lane) ? "more" : "idle";
    }
    if (!turns.mayGo(lane)) return "idle";
    this.#isSending = true;
    try {
      await this.#send(outgoing);
    } finally {
      this.#isSending = false;
      onYield(lane);
    }
    return "more";
  }

  /** The frame to send now: it stays the first of `ready` until it is answered. */
  #next(): Outgoing | undefined {
    if (this.#ready.length === 0) this.#read();
    return this.#ready[0];
  }

  #read(): void {
    const { lane, payloadBytesMax, queue } = this.#options;
    const frame = queue.claim(lane, Math.min(FRAME_BYTES_MAX, payloadBytesMax() - HEADER_BYTES_MAX));
    if (frame !== undefined) this.#ready.push(this.#outgoing(frame));
  }

  #outgoing(frame: Frame): Outgoing {
    return { frame, payload: encodeFrame(frame.alarms), msgId: this.#options.newMsgId() };
  }

  async #send(outgoing: Outgoing): Promise<void> {
    const { agent, lane, publisher, queue, turns } = this.#options;
    const { frame, msgId, payload } = outgoing;
    const publishing = publisher.publish(alarmSubject(agent, lane), payload, {
      msgId,
      headers: frame.again ? AGAIN_HEADERS : NO_HEADERS,
    });
    this.#readAhead();
    try {
      const ack = await publishing;
      await this.#noteAck(ack.seq);
      this.#ready.shift();
      this.#trouble = undefined;
      queue.markRelayed(frame, ack);
      turns.sent(lane);
    } catch (error) {
      if (error instanceof RelayError && error.code === "body_too_large") return await this.#split(outgoing, error);
      this.#trouble = messageOf(error);
      turns.failed(lane);
      throw error;
    }
  }

  /**
   * Sequences of a stream only rise. One that falls shows that it was put back to an older state or made anew, at the
   * first frame after it and not only when the hub has stood still for a while.
   */
  async #noteAck(seq: number): Promise<void> {
    const isLost = seq < this.#ackedSeq;
    this.#ackedSeq = seq;
    if (!isLost) return;
    await this.#options.queue.distrustPubAcks();
    this.#options.onStreamLost();
  }

  #readAhead(): void {
    if (this.#ready.length > 1) return;
    try {
      this.#read();
    } catch {
      // A queue that cannot be read says so when the frame is needed.
    }
  }

  /** The server refuses the frame for its size: it goes in halves; one alarm alone is set aside. */
  async #split({ frame }: Outgoing, refusal: RelayError): Promise<void> {
    const { lane, again, seqs, alarms } = frame;
    const [seq, alarm] = [seqs[0] as number, alarms[0] as string];
    if (seqs.length === 1) {
      await this.#options.queue.setAside(seq, alarm, `it cannot be relayed: ${refusal.message}`);
      this.#ready.shift();
      return;
    }
    const half = Math.ceil(seqs.length / 2);
    const parts: Frame[] = [
      { lane, again, seqs: seqs.slice(0, half), alarms: alarms.slice(0, half) },
      { lane, again, seqs: seqs.slice(half), alarms: alarms.slice(half) },
    ];
    this.#ready.splice(0, 1, ...parts.map((part) => this.#outgoing(part)));
  }
}
