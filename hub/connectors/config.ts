import type { FromSchema } from "json-schema-to-ts";
import { durationMs } from "../../shared/config/units.ts";
import type { ErrorDetail } from "../../shared/runtime/errors.ts";

/** `connector` of a center that cannot speak NATS itself. */
export const connectorSchema = {
  type: "object",
  description: "The hub speaks for this center; without it the center connects by itself, over NATS",
  properties: {
    webhook: {
      type: "object",
      description: "Each alarm is POSTed as a CloudEvent, signed as Standard Webhooks",
      properties: {
        url: {
          type: "string",
          format: "uri",
          pattern: "^https?://",
          description: "Where to POST",
          example: "https://arc.example.com/alarms",
        },
        secret: {
          type: "string",
          secret: true,
          description: "The signing secret: whsec_ and the base64 of 24 to 64 random bytes",
        },
        secretPrevious: {
          type: "string",
          secret: true,
          description: "The secret before this one, while it is being rotated: both sign",
        },
        format: {
          enum: ["single", "batch"],
          default: "single",
          description: "One alarm per POST, or a CloudEvents batch of those that wait",
        },
        headers: {
          type: "object",
          description: "Further headers of each POST",
          default: {},
          propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
          additionalProperties: { type: "string", pattern: "^[\\x20-\\x7e\\t]*$" },
        },
        timeout: {
          type: "string",
          format: "duration",
          default: "10s",
          description: "How long to wait for the answer to one POST",
        },
      },
      required: ["url", "secret"],
      additionalProperties: false,
    },
  },
  required: ["webhook"],
  additionalProperties: false,
} as const;

type ConnectorInFile = FromSchema<typeof connectorSchema>;

export interface WebhookConfig {
  url: string;
  /** Each signs: the current one, and the one before while it is being rotated. */
  secrets: readonly string[];
  format: "single" | "batch";
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
}

export interface ConnectorConfig {
  webhook: WebhookConfig;
}

/** The connector of a loaded configuration. */
export function connectorConfig({ webhook }: ConnectorInFile): ConnectorConfig {
  const { url, secret, secretPrevious, format, headers, timeout } = webhook;
  return {
    webhook: {
      url,
      secrets: secretPrevious === undefined ? [secret] : [secret, secretPrevious],
      format,
      headers: { ...(headers as Record<string, string>) },
      timeoutMs: durationMs(timeout),
    },
  };
}

/** What the schema cannot say of a connector. `path` is where it stands; takes whatever was read. */
export function connectorProblems(path: string, connector: unknown): ErrorDetail[] {
  const webhook = fieldOf(connector, "webhook");
  const problems: ErrorDetail[] = [];
  for (const key of ["secret", "secretPrevious"]) {
    const secret = fieldOf(webhook, key);
    if (typeof secret !== "string" || isSigningSecret(secret)) continue;
    const message = "must be whsec_ and the base64 of 24 to 64 bytes, as `openssl rand -base64 32` prints them";
    problems.push({ path: `${path}.webhook.${key}`, message });
  }
  for (const name of Object.keys((fieldOf(webhook, "headers") ?? {}) as object)) {
    if (!RESERVED_HEADER.test(name)) continue;
    problems.push({ path: `${path}.webhook.headers.${name}`, message: "is set by the connector itself" });
  }
  const timeout = fieldOf(webhook, "timeout");
  if (timeout === "0s" || timeout === "0ms") {
    problems.push({ path: `${path}.webhook.timeout`, message: "must be longer than nothing" });
  }
  return problems;
}

const RESERVED_HEADER = /^(ce-.*|webhook-.*|content-type|content-length|host|connection|transfer-encoding)$/i;
const SECRET_PREFIX = "whsec_";

function isSigningSecret(secret: string): boolean {
  const base64 = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return false;
  const bytes = Buffer.from(base64, "base64").length;
  return bytes >= 24 && bytes <= 64;
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
