/** How a handler call ended. */
export type OutcomeKind = "received" | "failed" | "rejected";

export interface Outcome {
  kind: OutcomeKind;
  /** Why it failed or was rejected. */
  reason: string | undefined;
  /** The hub's number of the delivery that it answers. */
  deliveredAttempt: number;
}

/** What a center knows about an alarm. */
export interface AlarmRecord {
  readonly id: string;
  /** Handler calls that were begun. */
  calls: number;
  /** How the last one ended; undefined while it runs. */
  outcome: Outcome | undefined;
}

/** What the wire says about how often an alarm was handed out. */
export interface WireAttempt {
  /** The hub's count. */
  attempt: number;
  /** The server's count of the frame. */
  deliveryCount: number;
}

/** What somebody said about an alarm for which they took responsibility. */
export interface Acknowledgment {
  id: string;
  operator: string;
  note: string | undefined;
  /** RFC 3339. */
  at: string;
}

/** An acknowledgment that has no PubAck yet, under the number by which it is forgotten. */
export interface KeptAcknowledgment extends Acknowledgment {
  n: number;
}

/** Where a center remembers what it did with each alarm. Calls that return no promise are synchronous. */
export interface OutcomeStore {
  /** True if what it keeps outlives the process. */
  readonly isDurable: boolean;
  /** What was found damaged when it was opened, in words; undefined if nothing was. */
  readonly damage: string | undefined;
  /** What is known about each of these alarms, or a fresh record. */
  find(ids: readonly string[]): AlarmRecord[];
  /** The number that the next handler call has: above 1 if an earlier one was begun, or may have been. */
  attemptOf(record: AlarmRecord, wire: WireAttempt): number;
  /** Marks that handler calls begin now. Outlives the end of the process, not that of the machine. */
  begin(records: readonly AlarmRecord[]): void;
  /** Keeps how a call ended; resolves once that is synced. Calls that end in one turn may share the promise. */
  finish(record: AlarmRecord, outcome: Outcome): Promise<void>;
  /** Keeps an acknowledgment until it is forgotten; resolves once it is synced. */
  keepAcknowledgment(acknowledgment: Acknowledgment): Promise<KeptAcknowledgment>;
  forgetAcknowledgments(kept: readonly KeptAcknowledgment[]): void;
  /** All acknowledgments that an earlier process kept, oldest first. */
  keptAcknowledgments(): KeptAcknowledgment[];
  /** Remembers that a frame is held, by its ack subject, until it is let go. */
  holdFrame(ackSubject: string): void;
  letGoFrame(ackSubject: string): void;
  /** The frames that an earlier process held when it was killed, oldest first; forgotten from now on. */
  takeLeftFrames(): string[];
  close(): void;
}
