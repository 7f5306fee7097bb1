import type { Delivery } from "../../shared/center/index.ts";

/** How the far end answered. */
export type ConnectorAnswer =
  | { kind: "received"; acknowledged?: { operator: string; note?: string } }
  | { kind: "rejected"; reason: string };

/** Takes alarms to a center that cannot speak NATS. To the rest of the hub it is an ordinary center. */
export interface Connector {
  /** How many deliveries it takes at once. */
  readonly concurrency: number;
  /** Takes one alarm there. Whatever is no clear answer is thrown, and the alarm is tried again. */
  deliver(delivery: Pick<Delivery, "alarm" | "attempt" | "relayedAgain" | "signal">): Promise<ConnectorAnswer>;
}
