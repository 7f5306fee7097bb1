import type { Alarm } from "../alarm/alarm.ts";
import { messageOf } from "../runtime/errors.ts";
import type { AcknowledgeResult } from "./acknowledger.ts";
import type { Outcome } from "./state/outcome-store.ts";
import type { AcknowledgedBy, Delivery, Handler } from "./types.ts";

export interface CallParts {
  alarm: Alarm;
  attempt: number;
  relayedAgain: boolean;
  /** The hub's number of this delivery, which the outcome answers. */
  deliveredAttempt: number;
  signal: AbortSignal;
  acknowledge: (id: string, by: AcknowledgedBy) => Promise<AcknowledgeResult>;
}

/** Hands one alarm to the handler. Never rejects: whatever the handler does is an outcome. */
export async function callHandler(handler: Handler, parts: CallParts): Promise<Outcome> {
  const { alarm, attempt, relayedAgain, deliveredAttempt, signal } = parts;
  let refusal: string | undefined;
  const delivery: Delivery = {
    alarm,
    attempt,
    relayedAgain,
    signal,
    acknowledge: (by) => parts.acknowledge(alarm.id, by),
    reject: (reason) => {
      refusal ??= receiptReason(reason);
      return Promise.resolve();
    },
  };
  let failure: string | undefined;
  try {
    await handler(delivery);
  } catch (error) {
    failure = receiptReason(messageOf(error));
  }
  if (refusal !== undefined) return { kind: "rejected", reason: refusal, deliveredAttempt };
  if (failure !== undefined) return { kind: "failed", reason: failure, deliveredAttempt };
  return { kind: "received", reason: undefined, deliveredAttempt };
}

/** Longest reason that goes into a receipt. */
const REASON_LENGTH_MAX = 1_000;

/** Puts any text into the form that receipts allow: no NUL, no lone surrogates, not empty, not long. */
export function receiptReason(text: string): string {
  const clean = String(text).replaceAll("\0", "").slice(0, REASON_LENGTH_MAX).toWellFormed().trim();
  return clean === "" ? "no reason was given" : clean;
}
