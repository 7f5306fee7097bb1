import { draftAlarms } from "./draft.ts";
import type { Parts } from "./parts.ts";

/**
 * Turns what the queue has to tell of itself into alarms of its own; true if there was one and it found room. To be
 * called inside a transaction.
 */
export function storeNotices({ counts, intake, notices }: Parts, agent: string, nowMs: number): boolean {
  if (!notices.isDue) return false;
  let isTold = false;
  for (const { report, told } of notices.take()) {
    const stored = intake.store(draftAlarms(agent, [report], nowMs), { mayUseReserve: true, nowMs });
    // Where even our own alarm finds no room, it stays to be told.
    if (stored === "full") notices.rollback();
    else told(counts.lastSeq);
    isTold ||= stored !== "full";
  }
  return isTold;
}
