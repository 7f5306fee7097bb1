import type { FromSchema } from "json-schema-to-ts";
import { ALARM_ID_PATTERN } from "../alarm/identity.ts";
import { validator } from "../schema/validate.ts";

/** The most alarms that one receipt may name. */
export const RECEIPT_ALARMS_MAX = 1_000;

/** What a center says about deliveries, published to `receipt.<center>`. */
export const receiptSchema = {
  $id: "receipt.schema.json",
  title: "Receipt",
  description: "What a receiving center says about alarms that were delivered to it",
  type: "object",
  properties: {
    type: {
      enum: ["received", "acknowledged", "failed", "rejected"],
      description:
        "received: it took custody. acknowledged: a named person or its automation took responsibility. " +
        "failed: its handler threw, it wants the alarm again. rejected: it refuses the alarm, with a reason.",
    },
    alarms: {
      type: "array",
      minItems: 1,
      maxItems: RECEIPT_ALARMS_MAX,
      items: { type: "string", pattern: ALARM_ID_PATTERN },
      description: "Ids of the alarms",
    },
    at: {
      type: "string",
      format: "rfc3339",
      description: "When it happened, by the center's clock",
    },
    operator: {
      type: "string",
      format: "text",
      minLength: 1,
      maxLength: 128,
      description: "Who acknowledged",
    },
    note: { type: "string", format: "text", maxLength: 4096 },
    reason: {
      type: "string",
      format: "text",
      maxLength: 4096,
      description: "Why it failed or was rejected",
    },
  },
  required: ["type", "alarms", "at"],
  // A reader of receipts passes over what it does not know, so that centers may be newer than the hub.
  additionalProperties: true,
  if: { properties: { type: { const: "acknowledged" } } },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { required: ["operator"], properties: { operator: {} } },
} as const;

type ReceiptFields = FromSchema<typeof receiptSchema>;
type ReceiptType = ReceiptFields["type"];
export interface Receipt {
  type: ReceiptType;
  alarms: string[];
  at: string;
  operator?: string;
  note?: string;
  reason?: string;
}

export const validateReceipt = validator<Receipt>(receiptSchema);

/** Asked at `hub.receipts` after a receipt's PubAck: how did the acknowledgment of these alarms end? */
export interface ReceiptOutcomeRequest {
  center: string;
  /** The receipt's sequence in RECEIPTS; the hub answers once it has followed that far. */
  receiptSeq: number;
  alarms: string[];
}

/** What became of one acknowledgment. */
export type AcknowledgeOutcome =
  | { kind: "acknowledged" }
  | { kind: "already"; center: string; operator: string }
  | { kind: "withdrawn" }
  | { kind: "unknown" };

export interface ReceiptOutcomeReply {
  outcomes: AcknowledgeOutcome[];
}
