import type { Alarm } from "../alarm/alarm.ts";
import type { AcknowledgeResult } from "./acknowledger.ts";

/** Who takes responsibility for an alarm. */
export interface AcknowledgedBy {
  /** 1 to 128 characters: the person, or the automation, by name. */
  operator: string;
  /** At most 4,096 characters. */
  note?: string | undefined;
}

/** One alarm, handed to the handler. */
export interface Delivery {
  readonly alarm: Readonly<Alarm>;
  /** 1 at the first call; above 1 if an earlier call failed, or was cut off before its outcome was stored. */
  readonly attempt: number;
  /**
   * True if it comes after a loss: relayed again by its gateway, or dispatched or handed out again because the first
   * copy never arrived here. Later alarms of its gateway and priority may have come before it.
   */
  readonly relayedAgain: boolean;
  /** Aborted when the center stops and does not wait for this handler any longer. */
  readonly signal: AbortSignal;
  /**
   * Takes responsibility for the alarm in somebody's name. What this call has accepted is sent even if the handler
   * does not wait for it. Throws `bad_request` if `by` cannot be sent.
   */
  acknowledge(by: AcknowledgedBy): Promise<AcknowledgeResult>;
  /** Refuses the alarm for good: it ends as rejected, whatever the handler does after. Call it before returning. */
  reject(reason: string): Promise<void>;
}

/** Returning takes custody of the alarm; throwing makes it come again, with backoff, without end. */
export type Handler = (delivery: Delivery) => Promise<void> | void;

export interface CenterEvents {
  connected: () => void;
  /** The connection was lost, with the reason in words; it is made again without end. */
  disconnected: (reason: string) => void;
  /** The hub has withdrawn this alarm from the center: an acknowledgment of it no longer counts. */
  withdrawn: (id: string) => void;
  /** Something that nobody waits for went wrong: an unreadable frame, a full disk. Work goes on. */
  error: (error: Error) => void;
}

/** A receiving center. It never writes to standard output, ends the process or catches signals. */
export interface Center extends AsyncDisposable {
  /**
   * Begins to receive; resolves when subscribed. Throws `center_in_use` if another process listens under this id. It
   * may be called once.
   */
  listen(handler: Handler): Promise<void>;
  /**
   * Takes responsibility for an alarm that was delivered before. `stored` means that it is kept and will be sent.
   * Throws `not_delivered` if this center never had the alarm, `bad_request` if the arguments cannot be sent.
   */
  acknowledge(id: string, by: AcknowledgedBy): Promise<AcknowledgeResult>;
  /**
   * Finishes the handlers in flight and sends their receipts, for at most `timeoutMs` (10,000 unless given), then
   * aborts the signals of those that still run, and closes. Idempotent.
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
  on<E extends keyof CenterEvents>(event: E, listener: CenterEvents[E]): this;
}
