import type { SeqRange } from "../alarm/identity.ts";
import type { Priority } from "../alarm/priority.ts";

export type ChangeKind =
  | "held"
  | "received"
  | "acknowledged"
  | "failed"
  | "rejected"
  | "dead"
  | "withdrawn"
  | "redriven"
  | "settled";

/**
 * What the hub tells an agent: a change of a stage of some of its alarms. The hub numbers the changes of each agent
 * from 1 without gaps, so that the agent notices when it missed one.
 */
export interface Change {
  n: number;
  kind: ChangeKind;
  /** When it happened, RFC 3339. */
  at: string;
  /** The alarms, as runs of this agent's sequence numbers. */
  ids: SeqRange[];
  /** The center whose delivery changed; absent for held and settled. */
  center?: string;
  /** For held: the centers that the route names, empty if it is recorded only. */
  centers?: string[];
  operator?: string;
  note?: string;
  reason?: string;
}

/** Published to `stage.<agent>` as soon as the ledger has committed: a hint, it may be lost. */
export interface StageMessage {
  /** The ledger's id: numbers of another ledger mean nothing here. */
  ledger: string;
  /** The run of the hub, its start, that numbered them; absent from a hub that does not tell its runs. */
  run?: string;
  changes: Change[];
}

/** Asked at `hub.changes`. */
export interface ChangesRequest {
  agent: string;
  /** The ledger whose numbers `since` counts; absent or another one: from the first change. */
  ledger?: string;
  /** The run that the hub was in when it last told the agent of its changes; empty if it does not tell its runs. */
  run?: string;
  /** The last change that the agent has applied and synced. */
  since: number;
  /** The epochs of the agent's file that it declares, oldest first, each with its first and last seq. */
  epochs: SeqRange[];
  /** Only asks whether the hub answers: it takes nothing from the request and sends no changes. */
  probe?: true;
}

/** How far the hub has followed ALARMS, by lane: what was PubAcked up to there and is not held is relayed again. */
export interface Followed {
  /** When the stream was created: a sequence of another stream means nothing here. */
  streamCreatedAt: string;
  lanes: Record<Priority, number>;
}

export interface ChangesReply {
  ledger: string;
  /** The run of the hub that answers; absent from a hub that does not tell its runs. */
  run?: string;
  /** The hub's time of the answer, RFC 3339. */
  at?: string;
  changes: Change[];
  /** There are further changes: ask again before drawing conclusions. */
  more: boolean;
  /** From the same moment as the changes; absent while the hub is still catching up with its logs. */
  followed?: Followed;
}
