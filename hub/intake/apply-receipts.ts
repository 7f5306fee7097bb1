import type { LogMessage } from "../../shared/nats/log-reader.ts";
import { type Receipt, validateReceipt } from "../../shared/wire/receipt.ts";
import { lastToken, STREAMS, SUBJECTS } from "../../shared/wire/subjects.ts";
import { COMMIT_ALARMS_MAX, type Ledger } from "../ledger/ledger.ts";
import type { Position } from "../ledger/positions.ts";
import { applyEach } from "./apply-each.ts";

type Read = LogMessage & { read: { receipt: Receipt } | { reason: string } };

/** Applies messages of RECEIPTS to the ledger, in commits of bounded size. */
export async function applyReceipts(
  ledger: Ledger,
  messages: readonly LogMessage[],
  positionOf: (message: LogMessage) => Position,
): Promise<void> {
  let batch: Read[] = [];
  let alarms = 0;
  for (const message of messages) {
    const next = { ...message, read: readReceipt(message) };
    batch.push(next);
    alarms += alarmsIn(next);
    if (alarms < COMMIT_ALARMS_MAX && message !== messages.at(-1)) continue;
    await applyEach(ledger, STREAMS.receipts, batch, positionOf, (read) => applyReceipt(ledger, read), alarmsIn);
    batch = [];
    alarms = 0;
  }
}

/** Applies one; the answer says what is wrong with it. */
function applyReceipt(ledger: Ledger, message: Read): string | undefined {
  const { subject, payload, read } = message;
  const n = "receipt" in read ? ledger.receipts.apply(lastToken(subject), read.receipt) : 0;
  ledger.marks.followed(SUBJECTS.allReceipts, message, { bytes: payload.length, n });
  return "reason" in read ? read.reason : undefined;
}

function alarmsIn({ read }: Read): number {
  return "receipt" in read ? read.receipt.alarms.length : 1;
}

function readReceipt(message: LogMessage): Read["read"] {
  let value: unknown;
  try {
    value = JSON.parse(message.payload);
  } catch (error) {
    return { reason: `not JSON: ${(error as Error).message}` };
  }
  const read = validateReceipt(value);
  if (read.ok) return { receipt: read.value };
  return { reason: read.details.map(({ path, message: what }) => `${path} ${what}`).join("; ") };
}
