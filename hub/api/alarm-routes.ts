import type { FromSchema } from "json-schema-to-ts";
import { laneOf, PRIORITIES } from "../../shared/alarm/priority.ts";
import { parseTime } from "../../shared/alarm/time.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { AcknowledgeAnswer, Acknowledgment, HubCommands } from "../commands.ts";
import { DELIVERY_STATES } from "../delivery/state.ts";
import type { AlarmFilter } from "../ledger/read/alarm-filter.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { ALARM_STATES, CONDITION_STATES } from "../ledger/read/views.ts";
import { pageProperties, withLimit } from "./paging.ts";
import { acknowledgeSchema, pageOf, ref } from "./schemas.ts";

const text = { type: "string", minLength: 1, maxLength: 128 } as const;

const listQuery = {
  type: "object",
  properties: {
    state: { enum: ALARM_STATES },
    open: { type: "boolean", description: "true: not closed" },
    condition: { enum: CONDITION_STATES, description: "Whether the condition behind it stands" },
    deliveryState: { enum: DELIVERY_STATES, description: "At least one delivery is in this state" },
    agent: text,
    account: text,
    center: { ...text, description: "It goes to this center; with deliveryState, that delivery is meant" },
    priority: { enum: PRIORITIES },
    since: { type: "string", format: "rfc3339", description: "Held at or after" },
    ...pageProperties,
  },
} as const;

type ListQuery = FromSchema<typeof listQuery>;

/** Lists of alarms, one alarm, and taking responsibility for one. */
export function addAlarmRoutes(app: HttpServer, parts: { reader: LedgerReader; commands: HubCommands }): void {
  const { reader, commands } = parts;
  app.get<{ Querystring: ListQuery }>(
    "/v1/alarms",
    {
      schema: {
        summary: "Alarms, newest first",
        querystring: listQuery,
        response: { 200: pageOf("HeldAlarm"), 400: ref("Error") },
      },
    },
    ({ query }) => reader.alarms(filterOf(query), withLimit(query)),
  );
  app.get<{ Params: { id: string } }>(
    "/v1/alarms/:id",
    { schema: { summary: "One alarm with its trail", response: { 200: ref("HeldAlarm"), 404: ref("Error") } } },
    ({ params }) => {
      const found = reader.alarm(params.id);
      if (found === undefined) throw notFound(params.id);
      return found;
    },
  );
  app.post<{ Params: { id: string }; Body: Acknowledgment }>(
    "/v1/alarms/:id/acknowledgments",
    {
      schema: {
        summary: "Take responsibility for an alarm, for a center",
        body: acknowledgeSchema,
        response: { 201: ref("Acknowledgment"), 200: ref("Acknowledgment"), 404: ref("Error"), 409: ref("Error") },
      },
    },
    async ({ params, body }, reply) => {
      const answer = await commands.acknowledge(params.id, body);
      if (answer.kind !== "acknowledged") throw refusal(answer, params.id, body);
      return reply.code(answer.created ? 201 : 200).send({ id: params.id, ...body, at: answer.at });
    },
  );
}

function filterOf({ priority, since, limit: _, cursor: __, ...filter }: ListQuery): AlarmFilter {
  return {
    ...filter,
    ...(priority === undefined ? {} : { lane: laneOf(priority) }),
    ...(since === undefined ? {} : { sinceMs: parseTime(since) }),
  };
}

function refusal(
  answer: Exclude<AcknowledgeAnswer, { kind: "acknowledged" }>,
  id: string,
  by: Acknowledgment,
): RelayError {
  if (answer.kind === "not_found") return notFound(id);
  if (answer.kind === "not_delivered") {
    return new RelayError("not_delivered", `${by.center} has not received alarm ${id}`);
  }
  const { center, operator, at } = answer;
  return new RelayError("already_acknowledged", `alarm ${id} was acknowledged by ${operator} for ${center} at ${at}`, {
    details: [
      { path: "center", message: center },
      { path: "operator", message: operator },
      { path: "at", message: at },
    ],
  });
}

function notFound(id: string): RelayError {
  return new RelayError("not_found", `the hub holds no alarm ${id}, or no longer`);
}
