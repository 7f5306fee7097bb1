import type {
  Acknowledgment,
  AlarmRecord,
  KeptAcknowledgment,
  Outcome,
  OutcomeStore,
  WireAttempt,
} from "./outcome-store.ts";

/** Outcomes that are remembered, about 20 MB; the one that was used least recently goes first. */
const RECORDS_MAX = 100_000;

/**
 * The store of a center without a state directory: a filter in memory. What the server hands out again while the
 * process lives is answered from here; after a restart everything unanswered comes again.
 */
export class MemoryStore implements OutcomeStore {
  readonly isDurable = false;
  readonly damage = undefined;
  readonly #records = new Map<string, AlarmRecord>();
  readonly #recordsMax: number;
  #acknowledgmentsKept = 0;

  constructor(recordsMax = RECORDS_MAX) {
    this.#recordsMax = recordsMax;
  }

  find(ids: readonly string[]): AlarmRecord[] {
    return ids.map((id) => this.#find(id));
  }

  #find(id: string): AlarmRecord {
    const known = this.#records.get(id);
    if (known === undefined) return { id, calls: 0, outcome: undefined };
    // A map keeps the order of insertion: taking it out and in again makes it the most recent one.
    this.#records.delete(id);
    this.#records.set(id, known);
    return known;
  }

  /** What was begun before the process is not known here, so the counts of hub and server stand in for it. */
  attemptOf(record: AlarmRecord, wire: WireAttempt): number {
    return Math.max(record.calls + 1, wire.attempt, wire.deliveryCount);
  }

  begin(records: readonly AlarmRecord[]): void {
    for (const record of records) {
      record.calls++;
      record.outcome = undefined;
      this.#records.set(record.id, record);
    }
    while (this.#records.size > this.#recordsMax) {
      const oldest = this.#records.keys().next();
      if (oldest.done === true) return;
      this.#records.delete(oldest.value);
    }
  }

  finish(record: AlarmRecord, outcome: Outcome): Promise<void> {
    record.outcome = outcome;
    return Promise.resolve();
  }

  keepAcknowledgment(acknowledgment: Acknowledgment): Promise<KeptAcknowledgment> {
    return Promise.resolve({ ...acknowledgment, n: ++this.#acknowledgmentsKept });
  }

  forgetAcknowledgments(): void {
    // Whoever sends them holds them; nothing is kept here.
  }

  keptAcknowledgments(): KeptAcknowledgment[] {
    return [];
  }

  holdFrame(): void {
    // The end of the process forgets it.
  }

  letGoFrame(): void {
    // As above.
  }

  takeLeftFrames(): string[] {
    return [];
  }

  close(): void {
    this.#records.clear();
  }
}
