import type { SeqRange } from "../alarm/identity.ts";
import type { Priority } from "../alarm/priority.ts";

/** An agent's heartbeat on `presence.<agent>`: a hint, it may be lost. */
export interface Presence {
  agent: string;
  version: string;
  /** The epoch of this start, which also tells one process from another that uses the same name. */
  epoch: string;
  startedAt: string;
  at: string;
  /** The interval at which to expect the next one, in milliseconds. */
  heartbeatMs: number;
  /** The most recent epochs of the agent's file, oldest first. */
  epochs: SeqRange[];
  lastSeq: number;
  queue: {
    unsettled: Record<Priority, number>;
    bytes: number;
    oldestUnsettledMs: number;
  };
  /** True in the last one of a clean stop. */
  leaving: boolean;
}
