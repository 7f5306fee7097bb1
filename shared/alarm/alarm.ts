import type { FromSchema } from "json-schema-to-ts";
import { ALARM_ID_PATTERN, TOKEN_PATTERN } from "./identity.ts";
import { reportProperties } from "./report.ts";

/** The most that one encoded alarm may take, in bytes of UTF-8. */
export const ALARM_BYTES_MAX = 64 * 1024;

const time = (description: string) => ({ type: "string", format: "rfc3339", description }) as const;

/** The record made from a report, with its identity; what centers receive. */
export const alarmSchema = {
  $id: "alarm.schema.json",
  title: "Alarm",
  description: "An alarm as the hub hands it to a receiving center",
  type: "object",
  properties: {
    id: {
      type: "string",
      pattern: ALARM_ID_PATTERN,
      description: "<agent>.<epoch>.<seq>, unique for ever",
    },
    agent: {
      type: "string",
      pattern: TOKEN_PATTERN,
      description: "The gateway that accepted it",
    },
    ...reportProperties,
    acceptedAt: time("When the gateway had committed and synced it, by the gateway's clock"),
    heldAt: time("When the hub's ledger held it; added by the hub"),
    late: {
      type: "boolean",
      description: "It took over a minute from accepted to held; added by the hub",
    },
    ageMs: {
      type: "integer",
      description: "Milliseconds from accepted to held, over two clocks; added by the hub",
    },
  },
  required: ["id", "agent", "point", "category", "condition", "event", "priority", "acceptedAt"],
  additionalProperties: false,
} as const;

export type Alarm = FromSchema<typeof alarmSchema>;
export type AlarmEvent = Alarm["event"];
