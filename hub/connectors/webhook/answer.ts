import { RelayError } from "../../../shared/runtime/errors.ts";
import type { ConnectorAnswer } from "../connector.ts";

/** What was answered to one POST. */
export interface HttpAnswer {
  status: number;
  body: string;
}

const REASON_CHARS_MAX = 500;

/**
 * Reads an answer: 2xx took custody, 422 refuses for good. Everything else, 401 and 404 included, throws and is tried
 * again: a receiver that is misconfigured today must not cost an alarm.
 */
export function readAnswer({ status, body }: HttpAnswer): ConnectorAnswer {
  if (status >= 200 && status < 300) return { kind: "received", ...acknowledgedIn(body) };
  if (status === 422) return { kind: "rejected", reason: reasonIn(body) ?? "422 without a reason" };
  const reason = reasonIn(body);
  throw new RelayError("not_connected", `it answered ${status}${reason === undefined ? "" : `: ${reason}`}`);
}

/** Who acknowledged, if the body says so in a form that a receipt can carry. */
function acknowledgedIn(body: string): Pick<ConnectorAnswer & { kind: "received" }, "acknowledged"> {
  const acknowledged = fieldOf(parse(body), "acknowledged");
  const operator = cleanText(fieldOf(acknowledged, "operator"), 128);
  if (operator === undefined) return {};
  const note = cleanText(fieldOf(acknowledged, "note"), 4_096);
  return { acknowledged: note === undefined ? { operator } : { operator, note } };
}

/** The words of a refusal: `reason`, `message` or `error` of a JSON body, else the text itself. */
function reasonIn(body: string): string | undefined {
  const json = parse(body);
  for (const key of ["reason", "message", "error"]) {
    const reason = cleanText(fieldOf(json, key), REASON_CHARS_MAX);
    if (reason !== undefined) return reason;
  }
  return cleanText(body, REASON_CHARS_MAX);
}

function cleanText(value: unknown, charsMax: number): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.replaceAll("\0", "").slice(0, charsMax).toWellFormed().trim();
  return text === "" ? undefined : text;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
