import type { Logger } from "../shared/runtime/log.ts";
import { Loop, type StepResult } from "../shared/runtime/loop.ts";
import type { Ledger } from "./ledger/ledger.ts";

const EVERY_MS = 60_000;
/** Small transactions, so that an alarm that arrives meanwhile does not wait. */
const ALARMS_PER_STEP = 200;
const CHANGES_PER_STEP = 1_000;
/** Changes that an agent has confirmed are kept this long, for readers of events that were away. */
const KEEP_CHANGES_MS = 7 * 86_400_000;

/** Removes from the ledger what is over: closed alarms after `keepClosedMs`, and changes that everyone has had. */
export function createHousekeeping(ledger: Ledger, options: { keepClosedMs: number; log: Logger }): Loop {
  const step = async (): Promise<StepResult> => {
    const nowMs = Date.now();
    const removed = await ledger.write(() => ({
      alarms: ledger.retention.remove(nowMs - options.keepClosedMs, ALARMS_PER_STEP),
      changes: ledger.changes.prune(nowMs - KEEP_CHANGES_MS, CHANGES_PER_STEP),
    }));
    return removed.alarms === ALARMS_PER_STEP || removed.changes === CHANGES_PER_STEP ? "more" : "idle";
  };
  return new Loop(step, { name: "housekeeping", log: options.log, idleMs: EVERY_MS });
}
