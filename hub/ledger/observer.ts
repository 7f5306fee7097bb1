import type { Lane } from "../../shared/alarm/priority.ts";

/** Who counts what happens in the ledger; told inside the transaction, so it must not fail and must not write. */
export interface LedgerObserver {
  held(lane: Lane, alarms: number): void;
  /** A center has taken over, `sinceAcceptedMs` after the agent had accepted the alarm. */
  received(lane: Lane, sinceAcceptedMs: number): void;
  /** Deliveries have ended without reception: the center refused them, or is no longer configured. */
  dead(center: string, reason: "rejected" | "removed", deliveries: number): void;
  faults(log: string, faults: number): void;
}

export const NO_OBSERVER: LedgerObserver = {
  held: () => undefined,
  received: () => undefined,
  dead: () => undefined,
  faults: () => undefined,
};
