import { LANES } from "../../shared/alarm/priority.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { counted } from "../../shared/runtime/words.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** Deliveries in one transaction, so that alarms that arrive meanwhile do not wait. */
const PER_COMMIT = 500;
const REMOVED_REASON = "the center was removed from the configuration";

/**
 * Ends what is still owed to a center that the configuration no longer names: the deliveries become dead, with that
 * reason, and nothing waits for them for ever. It ends early where the center is configured again.
 */
export async function killOwed(
  ledger: Ledger,
  center: { id: number; name: string },
  { isRemoved, log }: { isRemoved: () => boolean; log: Logger },
): Promise<void> {
  let killed = 0;
  for (const lane of LANES) {
    while (isRemoved()) {
      const count = await ledger.write(() => {
        const owed = ledger.outbox.owed(center.id, lane, PER_COMMIT);
        const happening = { event: "killed", centerId: center.id, atMs: Date.now(), reason: REMOVED_REASON } as const;
        ledger.deliveries.apply(happening, owed);
        return owed.length;
      });
      killed += count;
      if (count < PER_COMMIT) break;
    }
  }
  if (killed > 0) log.warn(`gave up ${counted(killed, "delivery", "deliveries")} to ${center.name}: ${REMOVED_REASON}`);
}
