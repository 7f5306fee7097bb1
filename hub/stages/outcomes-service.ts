import { RelayError } from "../../shared/runtime/errors.ts";
import { RECEIPT_ALARMS_MAX, type ReceiptOutcomeReply, type ReceiptOutcomeRequest } from "../../shared/wire/receipt.ts";
import type { LogFollower } from "../intake/log-follower.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** A little less than what a center waits for the answer. */
const FOLLOW_MS_MAX = 4_000;

/**
 * Answers `hub.receipts`: a center has published an acknowledgment and has its PubAck; the ledger says how it ended
 * once it has followed that far. The log alone decides who was first.
 */
export async function answerOutcomes(ledger: Ledger, receipts: LogFollower, text: string): Promise<string> {
  const request = JSON.parse(text) as Partial<ReceiptOutcomeRequest>;
  const { center, receiptSeq, alarms } = request;
  if (typeof center !== "string" || typeof receiptSeq !== "number" || !Array.isArray(alarms)) {
    throw new RelayError("bad_request", "a request for outcomes names a center, a receipt and alarms");
  }
  if (alarms.length > RECEIPT_ALARMS_MAX) throw new RelayError("bad_request", "too many alarms in one request");
  await receipts.waitForSeq(receiptSeq, FOLLOW_MS_MAX);
  const reply: ReceiptOutcomeReply = { outcomes: alarms.map((id) => ledger.receipts.outcome(String(id), center)) };
  return JSON.stringify(reply);
}
