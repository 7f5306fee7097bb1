import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config.ts";
import { hubSchema } from "../../../hub/config.ts";
import { defaultRouteSchema, routeSchema } from "../../../hub/routing/config.ts";
import { alarmSchema } from "../../../shared/alarm/alarm.ts";
import { reportSchema } from "../../../shared/alarm/report.ts";
import { receiptSchema } from "../../../shared/wire/receipt.ts";

// The running programs do not check this, see shared/schema/validate.ts.
test.each([
  ["the agent's configuration", agentConfigSchema],
  ["the hub's configuration", hubSchema],
  ["a route", routeSchema],
  ["the default route", defaultRouteSchema],
  ["an alarm", alarmSchema],
  ["a report", reportSchema],
  ["a receipt", receiptSchema],
])("the schema of %s is a JSON Schema", (_name, schema) => {
  const ajv = new Ajv();
  void ajv.validateSchema(schema);
  expect(ajv.errors ?? []).toEqual([]);
});

test("what is no JSON Schema is noticed", () => {
  const ajv = new Ajv({ logger: false });
  expect(ajv.validateSchema({ type: "text" })).toBe(false);
});
