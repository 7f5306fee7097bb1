import { RelayError } from "../../../shared/runtime/errors.ts";
import type { Page } from "./views.ts";

/** Cursors are opaque to those who use them: what they hold may change with any version. */

/** A page whose cursor leads on behind number `lastN`; the last page without it. */
export function pageOf<T>(items: T[], lastN: number | undefined): Page<T> {
  return lastN === undefined ? { items } : { items, nextCursor: writeCursor([lastN]) };
}

export function writeCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The one number of a cursor. Throws `bad_request` if it is none. */
export function readNumberCursor(cursor: string): number {
  const [n, ...others] = readCursor(cursor);
  if (typeof n !== "number" || others.length > 0) throw badCursor();
  return n;
}

/** The parts of a cursor. Throws `bad_request` if it is none. */
export function readCursor(cursor: string): (string | number)[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(parts) && parts.every((part) => typeof part === "string" || Number.isSafeInteger(part))) {
      return parts as (string | number)[];
    }
  } catch {
    // Not JSON: it was not one of ours.
  }
  throw badCursor();
}

export function badCursor(): RelayError {
  const message = "is not a cursor: give the nextCursor of the page before, unchanged";
  return new RelayError("bad_request", `cursor ${message}`, { details: [{ path: "cursor", message }] });
}
