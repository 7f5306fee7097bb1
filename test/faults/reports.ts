import { createHash } from "node:crypto";
import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { Report } from "../../shared/alarm/report.ts";
import type { Random } from "./random.ts";

export const CENTERS = ["north", "south", "web"] as const;
export type CenterName = (typeof CENTERS)[number];

/** Of the categories of reports, those that have a route of their own. */
export type JudgedCategory = "fire" | "intrusion" | "environment" | "access";

/** Which centers an alarm of each category goes to; the hub's configuration is made from it. */
export const ROUTES: Readonly<Record<JudgedCategory, readonly CenterName[]>> = {
  fire: ["north", "south", "web"],
  intrusion: ["north", "south"],
  environment: ["south", "web"],
  access: ["north"],
};
/** Where everything else goes: the relay's own alarms. */
export const DEFAULT_ROUTE: readonly CenterName[] = ["north"];

const CATEGORIES = Object.keys(ROUTES) as JudgedCategory[];
const REPORT_PREFIX = "judged-";
/** Alarms of these points have an order of their own; each of the others has a point to itself. */
const BUSY_POINTS = 8;
const BUSY_PREFIX = "busy-";

/** A report like a device's, with an id of its own and contents that differ from every other's. */
export function makeReport(random: Random, agent: string, n: number, category?: JudgedCategory): Report {
  const isBusy = random.next() < 0.2;
  return {
    // An alarm point is one of an account.
    account: isBusy ? "1000" : String(1_001 + random.between(0, 98)),
    point: isBusy ? `${BUSY_PREFIX}${random.between(1, BUSY_POINTS)}` : `zone-${n}`,
    category: category ?? random.pick(CATEGORIES),
    event: random.next() < 0.5 ? "status" : "raised",
    text: `Detector ${random.between(1, 1e9)}: „Tür offen“ \u{1F525} ${"x".repeat(random.between(0, 300))}`,
    occurredAt: new Date(1.7e12 + random.between(0, 1e9)).toISOString(),
    reportId: `${REPORT_PREFIX}${agent}-${n}`,
    attributes: { n, weight: random.between(0, 1_000) / 8 },
  } as Report;
}

/** The digest of what must arrive as it was handed over. */
export function digestOf(report: Report | Readonly<Alarm>): string {
  const { account, point, category, event, text, occurredAt, reportId, attributes } = report;
  const content = [account, point, category, event, text, occurredAt, reportId, attributes];
  return createHash("sha1").update(JSON.stringify(content)).digest("base64");
}

export function routeOf(category: string): readonly CenterName[] {
  return ROUTES[category as JudgedCategory] ?? DEFAULT_ROUTE;
}

/** True for an alarm of the relay about itself: only reports of the judge bear its ids. */
export function isOwn(reportId: string): boolean {
  return !reportId.startsWith(REPORT_PREFIX);
}

/** True for a point of which several alarms may wait, and run one after the other; also where its alarms are refused. */
export function isBusy(point: string): boolean {
  return point.includes(BUSY_PREFIX);
}
