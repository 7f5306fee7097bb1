import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { ALARM_ID_PATTERN, TOKEN_PATTERN } from "../alarm/identity.ts";
import { isRfc3339 } from "../alarm/time.ts";
import { parseListen } from "../config/listen.ts";
import { parseDuration, parsePercent, parseSize } from "../config/units.ts";
import type { ErrorDetail } from "../runtime/errors.ts";

/**
 * One instance for every schema of the process. Ajv is what fastify brings along, so validation costs the agent no
 * further library; the types of the same schemas come from json-schema-to-ts, which exists only at compile time.
 */
const ajv = new Ajv({
  allErrors: true,
  strict: true,
  strictTuples: false,
  allowUnionTypes: true,
  // That ours are schemas a test asserts: to compile the schema of schemas took 70 ms of an agent's start of 1 s.
  validateSchema: false,
});
ajv.addFormat("text", { type: "string", validate: isCleanText });
ajv.addFormat("rfc3339", { type: "string", validate: isRfc3339 });
ajv.addFormat("duration", {
  type: "string",
  validate: (text: string) => parseDuration(text) !== undefined,
});
ajv.addFormat("size", {
  type: "string",
  validate: (text: string) => parseSize(text) !== undefined,
});
ajv.addFormat("uri", {
  type: "string",
  validate: (text: string) => URL.canParse(text),
});
ajv.addFormat("percent", {
  type: "string",
  validate: (text: string) => parsePercent(text) !== undefined,
});
ajv.addFormat("listen", {
  type: "string",
  validate: (text: string) => parseListen(text) !== undefined,
});
// A file or folder; the configuration loader resolves it against the folder of the configuration file.
ajv.addFormat("path", {
  type: "string",
  validate: (text: string) => text.length > 0 && !text.includes("\0"),
});
// Annotations of ours in the configuration schemas; they validate nothing.
ajv.addKeyword("secret");
ajv.addKeyword("example");

const FORMAT_MESSAGES: Record<string, string> = {
  text: "must not contain NUL characters or lone surrogates",
  rfc3339: "must be a date and time as in RFC 3339, for example 2026-03-01T12:00:00Z",
  duration: 'must be a duration with its unit, for example "30s", "5m" or "7d"',
  size: 'must be a size with its unit, for example "256KiB" or "1GiB"',
  uri: "must be an absolute URL",
  percent: 'must be a percentage from 0% to 100%, for example "10%"',
  listen: 'must be an address with a port, for example "127.0.0.1:8081"',
  path: "must be the path of a file or folder",
};

/** What a value of this format must be, in words; undefined for a format that is not ours. */
export function formatMessage(format: string): string | undefined {
  return FORMAT_MESSAGES[format];
}

const PATTERN_MESSAGES: Record<string, string> = {
  [TOKEN_PATTERN]: "must be 1 to 64 letters, digits, hyphens or underscores",
  "^https?://": "must be a URL that begins with http:// or https://",
  "^(mqtt|mqtts|ws|wss)://": "must be a URL that begins with mqtt://, mqtts://, ws:// or wss://",
  "^(nats|tls|ws|wss)://[^\\s]+$": "must be a URL that begins with nats://, tls://, ws:// or wss://",
  "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$": "must be the name of an HTTP header",
  "^[\\x20-\\x7e\\t]*$": "must be printable ASCII text",
  "^[0-9]{1,15}$": "must be the nextCursor of the page before",
  [ALARM_ID_PATTERN]: "must be the id of an alarm, such as gw-1.k3abcdef.42",
  "^none$": "must be none, or centers such as { to: [arc-north] }",
  "^(all|any)$": "must be all, any or a number",
};

/** A NUL ends a string in C programs behind us, and a lone surrogate has no UTF-8: neither survives the relay. */
function isCleanText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

type Validation<T> = { ok: true; value: T } | { ok: false; details: ErrorDetail[] };
export type Validator<T> = (value: unknown) => Validation<T>;

/**
 * Compiles a JSON Schema into a function that reports every mistake at once, each with its path as a JSON pointer.
 * Compilation happens at the first use, so that a command that never validates does not pay for it.
 */
export function validator<T>(schema: object): Validator<T> {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    compiled ??= ajv.compile(schema);
    if (compiled(value)) return { ok: true, value: value as T };
    return { ok: false, details: detailsOf(compiled.errors ?? []) };
  };
}

function detailsOf(errors: readonly ErrorObject[]): ErrorDetail[] {
  const details = new Map<string, ErrorDetail>();
  for (const error of errors) {
    // A wrong branch explains itself: of a union only the branches' own errors help.
    if (error.keyword === "anyOf" || error.keyword === "oneOf" || error.keyword === "if") continue;
    const detail = detailOf(error);
    details.set(`${detail.path} ${detail.message}`, detail);
  }
  return [...details.values()];
}

function detailOf(error: ErrorObject): ErrorDetail {
  const path = error.instancePath;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties":
      return {
        path: `${path}/${escapePointer(String(params["additionalProperty"]))}`,
        message: "is not a known key",
      };
    case "required":
      return {
        path: `${path}/${escapePointer(String(params["missingProperty"]))}`,
        message: "is required",
      };
    case "enum":
      return {
        path,
        message: `must be one of ${(params["allowedValues"] as unknown[]).join(", ")}`,
      };
    case "const":
      return {
        path,
        message: `must be ${JSON.stringify(params["allowedValue"])}`,
      };
    case "format":
      return {
        path,
        message: FORMAT_MESSAGES[String(params["format"])] ?? error.message ?? "is not valid",
      };
    case "pattern":
      return { path, message: PATTERN_MESSAGES[String(params["pattern"])] ?? error.message ?? "is not valid" };
    default:
      return { path, message: error.message ?? "is not valid" };
  }
}

function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
