import { InvalidArgumentError } from "commander";
import { isRfc3339, parseTime } from "../alarm/time.ts";
import { parseDuration } from "../config/units.ts";

/** Readers of arguments, for commander. Each throws a sentence that the command line puts behind the option's name. */

/** One of a closed list. */
export function oneOf(values: readonly string[]): (text: string) => string {
  return (text) => {
    if (values.includes(text)) return text;
    throw new InvalidArgumentError(`It is one of ${values.join(", ")}.`);
  };
}

/** A number from 1 to 1000, as the lists take it. */
export function count(text: string): number {
  if (/^[1-9]\d{0,2}$|^1000$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number from 1 to 1000.");
}

/** A moment: RFC 3339, or how long ago, such as `15m`. As RFC 3339. */
export function moment(text: string): string {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return new Date(Date.now() - agoMs).toISOString();
  if (isRfc3339(text)) return new Date(parseTime(text)).toISOString();
  throw new InvalidArgumentError('It is a time such as 2026-03-01T12:00:00Z, or how long ago, such as "15m".');
}
