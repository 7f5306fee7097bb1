import { LANES, priorityOf } from "../../shared/alarm/priority.ts";
import type { Followed } from "../../shared/wire/change.ts";
import { STAGE } from "./counts.ts";
import type { Parts } from "./parts.ts";

/**
 * Begins to relay again what had a PubAck and is lost, lane by lane: what the hub has followed past, what lies in a
 * stream that is gone, what it waits for in vain; unless its present ledger holds it.
 */
export function sweepLost(parts: Parts, followed: Followed, streamId: number): void {
  const { claims, counts, position, stalls, unsettled } = parts;
  const afterSeq = settledUpTo(parts);
  const { ledgerN } = position.now;
  for (const lane of LANES) {
    const heldElsewhere = ledgerN > 1 ? counts.rowsOf(lane, STAGE.held) : 0;
    if (counts.rowsOf(lane, STAGE.relayed) + heldElsewhere === 0) continue;
    const followedSeq = followed.lanes[priorityOf(lane)];
    const relayedSeq = unsettled.relayedSeq(lane, afterSeq, { streamId, ledgerN });
    const seq = stalls.lostUpTo(lane, { streamId, followedSeq, relayedSeq }, performance.now());
    claims.sweep({ lane, lostBefore: { streamId, seq } }, afterSeq);
  }
}

/** Begins to relay again everything that had a PubAck and is not settled. Returns how many alarms are unsettled. */
export function sweepUnsettled(parts: Parts): number {
  const afterSeq = settledUpTo(parts);
  let rows = 0;
  for (const lane of LANES) {
    parts.claims.sweep({ lane }, afterSeq);
    rows += parts.counts.unsettledOf(lane);
  }
  return rows;
}

/** Everything up to this seq is settled. */
function settledUpTo({ counts, unsettled }: Parts): number {
  return (unsettled.oldest()?.seq ?? counts.lastSeq + 1) - 1;
}
