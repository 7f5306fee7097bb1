import { LANES, type Lane, PRIORITIES, type Priority, priorityOf } from "../alarm/priority.ts";

/** Every name on the wire: streams, subjects, durables and services. Nothing else builds one from strings. */
export const STREAMS = {
  alarms: "ALARMS",
  receipts: "RECEIPTS",
  decisions: "DECISIONS",
  deliveries: "DELIVERIES",
} as const;

export const SUBJECTS = {
  allAlarms: "alarm.*.*",
  allReceipts: "receipt.*",
  allDecisions: "decision.*",
  allDeliveries: "delivery.*.*",
  allPresence: "presence.*",
  changes: "hub.changes",
  receiptOutcomes: "hub.receipts",
} as const;

export const alarmSubject = (agent: string, lane: Lane): string => `alarm.${agent}.${priorityOf(lane)}`;
export const laneAlarmsSubject = (lane: Lane): string => `alarm.*.${priorityOf(lane)}`;
export const receiptSubject = (center: string): string => `receipt.${center}`;
export const decisionSubject = (kind: string): string => `decision.${kind}`;
export const deliverySubject = (center: string, lane: Lane): string => `delivery.${center}.${priorityOf(lane)}`;
/** All lanes of one center. */
export const allLanesSubject = (center: string): string => `delivery.${center}.*`;
/** The durable consumer of DELIVERIES from which a center pulls one lane. */
export const deliveryDurable = (center: string, lane: Lane): string => `${center}-${priorityOf(lane)}`;
/** Agents beat here; a hint that may be lost. */
export const presenceSubject = (agent: string): string => `presence.${agent}`;
/** The hub tells an agent its changes here; a hint that may be lost. */
export const stageSubject = (agent: string): string => `stage.${agent}`;
/** Whoever listens as a center answers here, so that a second listener is noticed. */
export const listenerSubject = (center: string): string => `center.${center}.listener`;
/** The name under which the hub raises alarms of its own: the agent of their ids, and of their subjects. */
export const OWN_AGENT = "hub";
/** The inbox of one client: with narrow permissions the default `_INBOX` would not be allowed. */
export const inboxPrefix = (kind: "agent" | "hub" | "center", id: string): string => `_INBOX_${kind}_${id}`;

/** The agent and the lane of an ALARMS subject, or undefined if it is none. */
export function parseAlarmSubject(subject: string): { agent: string; lane: Lane } | undefined {
  const [kind, agent, priority, ...rest] = subject.split(".");
  const lane = PRIORITIES.indexOf(priority as Priority);
  if (kind !== "alarm" || agent === undefined || lane < 0 || rest.length > 0) return undefined;
  return { agent, lane: LANES[lane] as Lane };
}

/** The last token of a two-token subject such as `receipt.<center>` or `presence.<agent>`. */
export function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}
