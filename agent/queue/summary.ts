import { LANES } from "../../shared/alarm/priority.ts";
import type { Parts } from "./parts.ts";
import type { QueueLimits } from "./room.ts";
import type { QueueSummary } from "./types.ts";

/** The queue in numbers. Cheap: all but the oldest alarm is in memory. */
export function summaryOf(parts: Parts, limits: QueueLimits, nowMs: number): QueueSummary {
  const { counts, epochs, repeats, unsettled } = parts;
  const isSettled = LANES.every((lane) => counts.unsettledOf(lane) === 0);
  return {
    rows: counts.byLaneAndStage(),
    rowsMax: limits.rowsMax,
    bytes: counts.bytes,
    bytesMax: limits.bytesMax,
    oldestUnsettledMs: isSettled ? 0 : unsettled.waitingMs(nowMs, performance.now()),
    lastSeq: counts.lastSeq,
    epoch: epochs.current,
    epochs: epochs.ranges(),
    evicted: counts.byPriority((lane) => counts.evictedOf(lane)),
    quarantined: counts.quarantined,
    reportIdsReused: repeats.reportIdsReused,
  };
}
