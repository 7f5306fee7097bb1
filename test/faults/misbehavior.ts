import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isOwn } from "./reports.ts";

/** How a handler's call ends: it takes custody, throws, or refuses for good. */
export type CallOutcome = "received" | "failed" | "rejected";

/** Alarms of points that begin so are refused by every center, always. */
export const REFUSED_PREFIX = "refused-";

/** Of the alarms that a center is to fail, so many of a hundred are not answered at all, where that is possible. */
const SILENT_OF_A_HUNDRED = 12;

/** Says how a center has to end its call for an alarm; `failFile` holds of how many alarms one fails, while it is there. */
export function outcomeOf(failFile: string, alarm: { point: string; reportId?: string | undefined }): CallOutcome {
  const { point, reportId = "" } = alarm;
  if (point.startsWith(REFUSED_PREFIX)) return "rejected";
  if (isOwn(reportId) || !existsSync(failFile)) return "received";
  return mustFail(reportId, Number(readFileSync(failFile, "utf8"))) ? "failed" : "received";
}

/** True if this is one of the reports whose alarms fail when one of so many does: the same each time. */
export function mustFail(reportId: string, oneIn: number): boolean {
  return numberOf(reportId) % oneIn === 0;
}

/** True if the answer to an alarm that fails shall never come, instead of one that says so. */
export function isSilent(reportId: string): boolean {
  return (numberOf(reportId) >>> 8) % 100 < SILENT_OF_A_HUNDRED;
}

/** The reason that a center refuses an alarm with. */
export function refusalOf(id: string): string {
  return `the judge refuses ${id}`;
}

function numberOf(reportId: string): number {
  return createHash("sha1").update(reportId).digest().readUInt32BE(0);
}
