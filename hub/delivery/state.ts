/**
 * The life of one delivery: one alarm × one center.
 *
 *     pending ──dispatch──▶ dispatched ──received──▶ received ──acknowledged──▶ acknowledged
 *      ▲  ▲                  │ │ │  │                                                ▲
 *      │  └──lost────────────┘ │ │  └──acknowledged (from within the handler)────────┘
 *      │                       │ └──rejected──▶ rejected ──┐
 *      └──due── failed ◀─failed┘                           │
 *                 ▲                                        │
 *                 └────────────redrive── dead ◀──killed────┘ (and from pending, dispatched, failed)
 *
 * - A delivery is owed until it is received, rejected or dead.
 * - Stages only rise: once a center has custody it keeps it, an acknowledgment stands, and each time is set once.
 * - A receipt may come late or twice. What no longer changes anything is `ignored`, never an error: receipts are read
 *   from a log that is followed again after a loss. A late `received` lifts a rejected or dead delivery too, since the
 *   center has the alarm.
 *
 * Pure: no clock, no store. The numbers are what the ledger keeps.
 */
export const DELIVERY_STATES = [
  "pending",
  "dispatched",
  "received",
  "acknowledged",
  "failed",
  "rejected",
  "dead",
  "withdrawn",
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** The number under which the ledger keeps each state. */
export const STATE = {
  pending: 0,
  dispatched: 1,
  received: 2,
  acknowledged: 3,
  failed: 4,
  rejected: 5,
  dead: 6,
  withdrawn: 7,
} as const satisfies Record<DeliveryState, number>;

/** What can happen to a delivery. `dispatched` is the hub's own; the first four come as receipts. */
export type DeliveryEvent = "received" | "acknowledged" | "failed" | "rejected" | "killed" | "redriven" | "lost";

/** What stands beside the state of a delivery: whether each of these has ever happened. */
export interface Milestones {
  received: boolean;
  acknowledged: boolean;
}

/**
 * True while the center has neither taken custody nor given it up. An acknowledgment from within a handler comes
 * before custody: until the handler returns, such a delivery is still owed.
 */
export function isOwed(state: DeliveryState, { received }: Pick<Milestones, "received">): boolean {
  return !received && (state === "pending" || state === "dispatched" || state === "failed" || state === "acknowledged");
}

/** The state after `event`, or undefined if it changes nothing. */
export function next(state: DeliveryState, event: DeliveryEvent, milestones: Milestones): DeliveryState | undefined {
  switch (event) {
    case "received":
      if (milestones.received) return undefined;
      return milestones.acknowledged ? "acknowledged" : "received";
    case "acknowledged":
      return milestones.acknowledged ? undefined : "acknowledged";
    case "failed":
      return isOwed(state, milestones) ? "failed" : undefined;
    case "lost":
      return isOwed(state, milestones) ? "pending" : undefined;
    case "rejected":
      return isOwed(state, milestones) ? "rejected" : undefined;
    case "killed":
      return isOwed(state, milestones) ? "dead" : undefined;
    case "redriven":
      return !milestones.received && (state === "dead" || state === "rejected") ? "failed" : undefined;
  }
}

const RETRY_MS_FIRST = 1_000;
/** The longest wait before a delivery is dispatched again. */
export const RETRY_MS_MAX = 5 * 60_000;

/** How long to wait before dispatch number `attempt + 1`: 1 s, doubled each time, at most 5 minutes, without end. */
export function retryDelayMs(attempt: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(attempt - 1, 20));
}
