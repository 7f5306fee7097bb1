import type { Report } from "./report.ts";

/**
 * Restorals of SIA DC-03 whose alarm code is not found by the rule of the last letter. The second letter H (alarm
 * restore) or R (restoral) pairs with A, J (trouble restore) with T, U (unbypass) with B; these do not.
 */
const SIA_EXCEPTIONS: Record<string, string> = {
  AR: "AT", // AC restoral of AC trouble
  ER: "ET", // expansion restoral of expansion trouble
  LR: "LT", // phone line restoral of phone line trouble
  NR: "NT", // network restoral of network failure
  TR: "TA", // tamper restoral
  YK: "YC", // communications restoral of communications fail
  YR: "YT", // system battery restoral of system battery trouble
  OR: "OR", // disarm from alarm: not a restoral
  CR: "CR", // recent closing: not a restoral
  RR: "RR", // power up: not a restoral
};
const SIA_PAIR: Record<string, string> = { H: "A", R: "A", J: "T", U: "B" };

/** The alarm code of a SIA code's pair: BH and BR belong to BA. */
function siaAlarmCode(code: string): string {
  const upper = code.toUpperCase();
  if (!/^[A-Z]{2}$/.test(upper)) return code;
  const exception = SIA_EXCEPTIONS[upper];
  if (exception !== undefined) return exception;
  const last = SIA_PAIR[upper[1] as string];
  return last === undefined ? upper : `${upper[0]}${last}`;
}

/** A Contact ID (SIA DC-05) event code without its qualifier: E130, R130, 1130 and 3130 are all 130. */
function contactIdAlarmCode(code: string): string {
  return /^[EeRrPp136][0-9A-Fa-f]{3}$/.test(code) ? code.slice(1) : code;
}

/**
 * What pairs a raise with its clear at one point: the report's own condition, else the alarm code of its code pair,
 * else its category.
 */
export function conditionOf(report: Pick<Report, "condition" | "code" | "codeSystem" | "category">): string {
  if (report.condition !== undefined) return report.condition;
  if (report.code === undefined) return report.category;
  if (report.codeSystem === "contact-id") return contactIdAlarmCode(report.code);
  if (report.codeSystem === "sia") return siaAlarmCode(report.code);
  return report.code;
}

/** True for a clear that names neither condition nor code: it closes every raise of its point and category. */
export function clearsWholeCategory(report: Pick<Report, "condition" | "code">): boolean {
  return report.condition === undefined && report.code === undefined;
}
