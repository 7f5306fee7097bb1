import type { ChangeKind } from "../../shared/wire/change.ts";
import type { DeliveryStage } from "./types.ts";

/**
 * States of a delivery as the queue keeps them. Those below RECEIVED may follow one another in any order (a dead
 * delivery is redriven, a failed one is tried again); from there on they only rise.
 */
export const DELIVERY_STATES = [
  "pending",
  "failed",
  "rejected",
  "dead",
  "withdrawn",
  "received",
  "acknowledged",
] as const satisfies readonly DeliveryStage["state"][];

export const RECEIVED: number = DELIVERY_STATES.indexOf("received");

/** The number of the state that a change of a delivery leads to; undefined for the stages of an alarm. */
export function stateAfter(kind: ChangeKind): number | undefined {
  if (kind === "held" || kind === "settled") return undefined;
  return DELIVERY_STATES.indexOf(kind === "redriven" ? "pending" : kind);
}
