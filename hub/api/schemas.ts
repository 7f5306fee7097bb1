import { alarmSchema } from "../../shared/alarm/alarm.ts";
import { ALARM_ID_PATTERN, TOKEN_PATTERN } from "../../shared/alarm/identity.ts";
import { PRIORITIES } from "../../shared/alarm/priority.ts";
import { reportSchema } from "../../shared/alarm/report.ts";
import { receiptSchema } from "../../shared/wire/receipt.ts";
import { DELIVERY_STATES } from "../delivery/state.ts";
import { ALARM_STATES, CONDITION_STATES } from "../ledger/read/views.ts";

/** The schemas that openapi.json names as components: what crosses the wire, and what the hub answers. */

const text = { type: "string" } as const;
const time = { type: "string", format: "date-time" } as const;
const integer = { type: "integer" } as const;

function object(title: string, properties: Record<string, object>, required: readonly string[]) {
  return { $id: title, title, type: "object", properties, required };
}

/** A reference to a component, by its name. */
export const ref = (name: string) => ({ $ref: `${name}#` });

/** A page of a list. */
export const pageOf = (name: string) => ({
  type: "object",
  properties: {
    items: { type: "array", items: ref(name) },
    nextCursor: {
      ...text,
      description: "Give it as cursor to go on. A page may be short although more follows; without it, none does",
    },
  },
  required: ["items"],
});

const byPriority = {
  type: "object",
  properties: Object.fromEntries(PRIORITIES.map((priority) => [priority, integer])),
  required: PRIORITIES,
};

const trailEntry = object(
  "TrailEntry",
  { at: time, kind: text, center: text, attempt: integer, operator: text, note: text, reason: text },
  ["at", "kind"],
);

const delivery = object(
  "Delivery",
  {
    center: text,
    state: { enum: DELIVERY_STATES },
    attempt: { ...integer, description: "How often it was dispatched" },
    dispatchedAt: time,
    receivedAt: time,
    acknowledgedAt: time,
    operator: text,
    note: text,
    reason: text,
    dueAt: { ...time, description: "When it is dispatched again" },
  },
  ["center", "state", "attempt"],
);

const heldAlarm = object(
  "HeldAlarm",
  {
    id: { ...text, pattern: ALARM_ID_PATTERN },
    state: { enum: ALARM_STATES },
    condition: { enum: CONDITION_STATES },
    alarm: ref("Alarm"),
    route: {
      type: "object",
      properties: { name: text, centers: { type: "array", items: text }, require: integer },
      required: ["name", "centers", "require"],
    },
    deliveries: { type: "array", items: ref("Delivery") },
    acceptedAt: time,
    heldAt: time,
    settledAt: time,
    acknowledged: {
      type: "object",
      description: "The first acknowledgment, which took responsibility",
      properties: { at: time, center: text, operator: text, note: text },
      required: ["at", "center", "operator"],
    },
    clearedAt: time,
    closedAt: time,
    relayedAgain: { type: "boolean", description: "It came again after a loss, out of order" },
    trail: { type: "array", items: ref("TrailEntry"), description: "Of one alarm only, not in lists" },
  },
  ["id", "state", "condition", "alarm", "route", "deliveries", "acceptedAt", "heldAt", "relayedAgain"],
);

const deadDelivery = object(
  "DeadDelivery",
  {
    id: text,
    center: text,
    state: { enum: ["dead", "rejected"] },
    reason: text,
    attempt: integer,
    alarm: { type: "object", description: "What a person needs to recognize it" },
    history: { type: "array", items: ref("TrailEntry") },
  },
  ["id", "center", "state", "attempt", "alarm", "history"],
);

const agent = object(
  "Agent",
  {
    agent: text,
    state: { enum: ["connected", "silent", "stopped", "unheard"] },
    version: text,
    epoch: text,
    startedAt: time,
    lastHeardAt: time,
    firstSeenAt: time,
    lastSeq: { ...integer, description: "The last number that the agent has given" },
    held: { ...integer, description: "How many of its alarms were ever held" },
    queue: { type: "object", properties: { unsettled: byPriority, bytes: integer, oldestUnsettledMs: integer } },
    changes: { type: "object", properties: { last: integer, confirmed: integer } },
    gaps: { type: "array", description: "Runs of numbers not held between others: [epoch, first, last]" },
  },
  ["agent", "state", "held", "gaps"],
);

const center = object(
  "Center",
  {
    center: text,
    connection: { enum: ["nats", "webhook"] },
    framing: { enum: ["batch", "single"] },
    connected: { type: "boolean" },
    open: byPriority,
    failed: { ...integer, description: "Of these, how many failed and wait to be tried again" },
    oldestHeldAt: time,
  },
  ["center", "connection", "framing", "connected", "open", "failed"],
);

const acknowledgment = object("Acknowledgment", { id: text, center: text, operator: text, note: text, at: time }, [
  "id",
  "center",
  "operator",
  "at",
]);

const acknowledge = {
  ...object(
    "Acknowledge",
    {
      center: { ...text, pattern: TOKEN_PATTERN, description: "For which center" },
      operator: { ...text, format: "text", minLength: 1, maxLength: 128, description: "Who takes responsibility" },
      note: { ...text, format: "text", maxLength: 4096 },
    },
    ["center", "operator"],
  ),
  additionalProperties: false,
};

export { acknowledge as acknowledgeSchema };

const error = object(
  "Error",
  {
    error: {
      type: "object",
      properties: {
        code: text,
        message: text,
        details: {
          type: "array",
          items: { type: "object", properties: { path: text, message: text }, required: ["path", "message"] },
        },
      },
      required: ["code", "message", "details"],
    },
  },
  ["error"],
);

const wire = (name: string, schema: object) => ({ ...schema, $id: name });

export const COMPONENTS: readonly { $id: string }[] = [
  wire("Alarm", alarmSchema),
  wire("Report", reportSchema),
  wire("Receipt", receiptSchema),
  trailEntry,
  delivery,
  heldAlarm,
  deadDelivery,
  agent,
  center,
  acknowledgment,
  error,
];
