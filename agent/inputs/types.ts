import type { Acceptance } from "../queue/types.ts";

/** A way by which reports come in. Whatever it hands over, it answers its device only after `accept()` has resolved. */
export interface Input {
  readonly name: string;
  /** Why no reports come in this way now, in words; undefined while they do. */
  readonly downReason: string | undefined;
  /** Begins to take reports. Throws what an operator has to mend; what heals by itself is tried again. */
  start(): Promise<void>;
  /** Takes no more reports, and waits for those in progress. Idempotent. */
  stop(): Promise<void>;
  /** Reads a quarantined payload again, by the configuration of today. Throws `invalid_report` if it still is none. */
  retry?(source: string, payload: Uint8Array): Promise<Acceptance[]>;
}

/** Counts what an input takes and refuses; the HTTP interface shows it as metrics. */
export interface IntakeCounter {
  accepted(input: string, reports: number): void;
  refused(input: string, reason: string): void;
}
