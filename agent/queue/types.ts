import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { Priority } from "../../shared/alarm/priority.ts";
import type { Report } from "../../shared/alarm/report.ts";

/** How the store answered one report. */
export type Acceptance =
  | { kind: "accepted"; id: string }
  /** The same report (by reportId) had been accepted before. */
  | { kind: "duplicate"; id: string }
  /** The last message under the same `changeKey` held an equal report. */
  | { kind: "unchanged" };

export interface AcceptOptions {
  /** The name of the input, for metrics: `http`, `mqtt`, `relay` (our own alarms). */
  input: string;
  /**
   * Accept only the reports that the last call under this key did not hold. What this call holds is kept for the next
   * one in the same transaction.
   */
  changeKey?: string;
}

/** A payload that could not be read as a report; kept until somebody looks at it. */
export interface QuarantineEntry {
  n: number;
  at: string;
  input: string;
  /** Where it came from: an MQTT topic. */
  source: string;
  reason: string;
  /** The first 4 KiB of the payload; bytes that are not UTF-8 are replaced in this view only. */
  payload: string;
  /** The length of all of it. */
  payloadBytes: number;
}

/** Where one delivery stands, as far as the hub has told the edge. */
export interface DeliveryStage {
  center: string;
  state: "pending" | "received" | "acknowledged" | "failed" | "rejected" | "dead" | "withdrawn";
  receivedAt?: string;
  acknowledgedAt?: string;
  operator?: string;
  /** What whoever acknowledged it has written. */
  note?: string;
  reason?: string;
}

export interface Stages {
  acceptedAt: string;
  relayedAt?: string;
  heldAt?: string;
  settledAt?: string;
  deliveries: DeliveryStage[];
}

export type AlarmWithStages = Alarm & { stages: Stages };

export const QUEUE_STAGES = ["accepted", "relayed", "held", "settled"] as const;
export type QueueStage = (typeof QUEUE_STAGES)[number];

export interface AlarmFilter {
  reportId?: string;
  account?: string;
  point?: string;
  /** The stage that the alarm has reached and not passed. */
  stage?: QueueStage;
  limit: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface QueueSummary {
  rows: Record<Priority, Record<QueueStage, number>>;
  rowsMax: number;
  bytes: number;
  bytesMax: number;
  oldestUnsettledMs: number;
  lastSeq: number;
  epoch: string;
  epochs: SeqRange[];
  evicted: Record<Priority, number>;
  quarantined: number;
  /** How often, since the start, a reportId came again with other content: each became an alarm of its own. */
  reportIdsReused: number;
}

/** Something that happened to an alarm at the edge or that the hub has told; for status topics and health. */
export interface StageEvent {
  id: string;
  stage: QueueStage | DeliveryStage["state"];
  at: string;
  center?: string;
  operator?: string;
}

/** What an input needs of the queue. */
export interface Acceptor {
  /**
   * Stores reports in one transaction, all or none, and resolves once that is synced to disk.
   * Throws `queue_full`, `alarm_too_large` (details name the path), `store_failed`.
   */
  accept(reports: readonly Report[], options: AcceptOptions): Promise<Acceptance[]>;
  /** Keeps a payload that is no report, counts it, and raises a rate-limited technical alarm. Resolves once synced. */
  quarantine(entry: { input: string; source: string; reason: string; payload: Uint8Array }): Promise<void>;
}

/** What the HTTP interface and the commands need of the queue, besides accepting. */
export interface QueueReader {
  get(id: string): AlarmWithStages | undefined;
  list(filter: AlarmFilter): { items: AlarmWithStages[]; nextCursor?: string };
  summary(): QueueSummary;
  /** Every alarm that matches, oldest first, read a page at a time: for export. */
  iterate(filter: Omit<AlarmFilter, "limit" | "cursor">): IterableIterator<AlarmWithStages>;
  quarantined(options: { limit: number; cursor?: string }): {
    items: QuarantineEntry[];
    nextCursor?: string;
  };
  quarantinedPayload(n: number): { input: string; source: string; payload: Uint8Array } | undefined;
  removeQuarantined(n: number): Promise<boolean>;
  /** Relays these again (all that are unsettled, without ids). Resolves with how many. */
  relayAgain(ids?: readonly string[]): Promise<number>;
  onStage(listener: (event: StageEvent) => void): () => void;
}
