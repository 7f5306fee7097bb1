import type { Lane } from "../../shared/alarm/priority.ts";
import type { Ledger } from "../ledger/ledger.ts";

export const FRAME_LOST = "the frame is gone and no receipt came";

/**
 * A frame is gone: what nobody has answered of it is to be dispatched again. How many deliveries that are. To be called
 * inside a transaction.
 */
export function loseFrame(ledger: Ledger, frame: { centerId: number; lane: Lane; frameSeq: number }): number {
  const { centerId, lane, frameSeq } = frame;
  const unanswered = ledger.outbox.unanswered(centerId, lane, frameSeq);
  if (unanswered.length === 0) return 0;
  const happening = { event: "lost", centerId, atMs: Date.now(), reason: FRAME_LOST } as const;
  return ledger.deliveries.apply(happening, unanswered).length;
}
