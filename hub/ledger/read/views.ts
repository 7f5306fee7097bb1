import type { Alarm } from "../../../shared/alarm/alarm.ts";
import type { Priority } from "../../../shared/alarm/priority.ts";
import type { DeliveryState } from "../../delivery/state.ts";

/** What the ledger tells those who look at it. Times are RFC 3339; what has not happened is absent. */

/** Where an alarm stands with the people: nobody has taken responsibility, somebody has, or nothing is left to do. */
export const ALARM_STATES = ["unacknowledged", "acknowledged", "closed"] as const;
export type AlarmState = (typeof ALARM_STATES)[number];

/** Whether the condition behind an alarm stands; none for what has no condition, such as an opening. */
export const CONDITION_STATES = ["none", "raised", "cleared"] as const;
export type ConditionState = (typeof CONDITION_STATES)[number];

export interface DeliveryView {
  center: string;
  state: DeliveryState;
  /** How often it was dispatched. */
  attempt: number;
  dispatchedAt?: string;
  receivedAt?: string;
  acknowledgedAt?: string;
  operator?: string;
  note?: string;
  reason?: string;
  /** When it is dispatched again. */
  dueAt?: string;
}

interface RouteView {
  name: string;
  centers: string[];
  /** How many of the centers must receive it. */
  require: number;
}

export interface AlarmView {
  id: string;
  state: AlarmState;
  condition: ConditionState;
  alarm: Alarm;
  route: RouteView;
  deliveries: DeliveryView[];
  acceptedAt: string;
  heldAt: string;
  settledAt?: string;
  /** The first acknowledgment, which took responsibility. */
  acknowledged?: { at: string; center: string; operator: string; note?: string };
  clearedAt?: string;
  closedAt?: string;
  /** It came again after a loss, out of order. */
  relayedAgain: boolean;
}

/** One step on an alarm's way. */
export interface TrailEntry {
  at: string;
  kind: string;
  center?: string;
  attempt?: number;
  operator?: string;
  note?: string;
  reason?: string;
}

export type AlarmDetails = AlarmView & { trail: TrailEntry[] };

/** What a person needs to recognize an alarm. */
export interface AlarmSummary {
  agent: string;
  account?: string;
  area?: string;
  point: string;
  category: string;
  event: string;
  priority: Priority;
  text?: string;
}

/** A delivery that was given up or refused. */
export interface DeadView {
  id: string;
  center: string;
  state: "dead" | "rejected";
  reason?: string;
  attempt: number;
  alarm: AlarmSummary;
  history: TrailEntry[];
}

export interface Page<T> {
  items: T[];
  /** Ask for what follows with it; absent at the end. A page may be short of `limit` although more follows. */
  nextCursor?: string;
}

/** The parts of an encoded alarm that a person needs to recognize it. */
export function summaryOf(encoded: string): AlarmSummary {
  const { agent, account, area, point, category, event, priority, text } = JSON.parse(encoded) as Alarm;
  return {
    agent,
    ...(account === undefined ? {} : { account }),
    ...(area === undefined ? {} : { area }),
    point,
    category,
    event,
    priority,
    ...(text === undefined ? {} : { text }),
  };
}
