import type { Lane } from "../../shared/alarm/priority.ts";
import type { PubAck } from "../../shared/nats/publish.ts";
import type { EncodedAlarm } from "../../shared/wire/frame.ts";

/** Alarms of one lane in seq order, as the queue hands them out. */
export interface Frame {
  lane: Lane;
  seqs: readonly number[];
  alarms: readonly EncodedAlarm[];
  /** They had been relayed before: out of order now, and marked on the wire. */
  again: boolean;
}

/** What the relay needs of the queue. */
export interface RelayQueue {
  /** The epoch of this start. */
  readonly epoch: string;
  /** True while a claim of this lane may find something. */
  isWaiting(lane: Lane): boolean;
  claim(lane: Lane, bytesMax: number): Frame | undefined;
  markRelayed(frame: Frame, ack: { seq: number }): void;
  distrustPubAcks(): Promise<void>;
  setAside(seq: number, alarm: EncodedAlarm, reason: string): Promise<void>;
  onWaiting(listener: () => void): void;
}

/** What the relay needs of NATS. */
export interface FramePublisher {
  publish(
    subject: string,
    payload: string,
    options: { msgId: string; headers?: Readonly<Record<string, string>> },
  ): Promise<PubAck>;
}
