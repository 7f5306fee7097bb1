import type { FromSchema } from "json-schema-to-ts";
import { validator } from "../schema/validate.ts";
import { CATEGORIES, PRIORITIES } from "./priority.ts";

const name = (description: string, maxLength = 128) =>
  ({
    type: "string",
    format: "text",
    minLength: 1,
    maxLength,
    description,
  }) as const;

/** The properties that a report and the alarm made from it share. */
export const reportProperties = {
  point: name("What raised it: a zone, a detector, an input"),
  category: { enum: CATEGORIES, description: "What kind of alarm it is" },
  event: {
    enum: ["raised", "cleared", "status"],
    description: "raised unless given. open-close: cleared is opened (unset), raised is closed (set)",
  },
  account: name("The protected site or subscriber"),
  area: name("The part of the site, a partition"),
  user: name("Who operated it"),
  condition: name("What pairs a raise with its clear at one point; follows from the code or the category if absent"),
  code: name("The alarm code in its code system", 32),
  codeSystem: {
    enum: ["sia", "contact-id", "custom"],
    description: "Where the code comes from",
  },
  qualifier: name("The code's qualifier, as Contact ID has it", 16),
  priority: {
    enum: PRIORITIES,
    description: "Follows from the category if absent",
  },
  text: {
    type: "string",
    format: "text",
    maxLength: 4096,
    description: "For the person who acts on it",
  },
  occurredAt: {
    type: "string",
    format: "rfc3339",
    description: "When it happened by the device's clock (RFC 3339); kept as given, in UTC",
  },
  reportId: name("The device's own id: the same report again is the same alarm"),
  test: { type: "boolean", description: "Made under test" },
  media: {
    type: "array",
    maxItems: 16,
    description: "Pictures and recordings",
    items: {
      type: "object",
      properties: {
        url: { type: "string", format: "uri", maxLength: 2048 },
        type: name("Its media type, for example image/jpeg"),
      },
      required: ["url"],
      additionalProperties: false,
    },
  },
  raw: {
    type: "string",
    format: "text",
    maxLength: 49_152,
    description: "The original message",
  },
  attributes: {
    type: "object",
    maxProperties: 64,
    description: "Whatever else the device says",
    propertyNames: { format: "text", maxLength: 128 },
    additionalProperties: {
      type: ["string", "number", "boolean"],
      format: "text",
      maxLength: 4096,
    },
  },
} as const;

/** What a device hands to an input, before it is an alarm. */
export const reportSchema = {
  $id: "report.schema.json",
  title: "Report",
  description: "What a device hands to an input of the agent",
  type: "object",
  properties: reportProperties,
  required: ["point", "category"],
  additionalProperties: false,
} as const;

export type Report = FromSchema<typeof reportSchema>;

/** Checks a report whose fields are already in place (defaults filled, integers written as strings). */
export const validateReport = validator<Report>(reportSchema);

const INTEGERS_TO_TEXT = ["account", "area", "point", "user", "code"] as const;

/**
 * Puts a device's JSON in order before it is checked: `defaults` fill what is missing, and integers become strings
 * where identifiers are expected, because JSON of small devices writes account 1234 without quotes.
 */
export function prepareReport(input: unknown, defaults: Readonly<Record<string, unknown>> = {}): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  const report: Record<string, unknown> = { ...defaults, ...input };
  for (const key of INTEGERS_TO_TEXT) {
    const value = report[key];
    if (typeof value === "number" && Number.isSafeInteger(value)) report[key] = String(value);
  }
  return report;
}
