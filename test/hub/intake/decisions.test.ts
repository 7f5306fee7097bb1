import { expect, test } from "vitest";
import { OWN_AGENT } from "../../../shared/wire/subjects.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startFlow } from "../flow-fixture.ts";

const routing = {
  centers: [{ id: "arc-north", framing: "batch" }],
  routes: [],
  defaultRoute: { name: "default", deliver: { to: ["arc-north"], require: 1 }, continue: false },
};

test.each([
  ["without routes", { version: 100, routing: { ...routing, routes: undefined }, effectiveAfter: [] }],
  ["with a route that is none", { version: 100, routing: { ...routing, routes: [7] }, effectiveAfter: [] }],
  ["that nothing takes by default", { version: 100, routing: { ...routing, defaultRoute: 7 }, effectiveAfter: [] }],
  ["without a place from which it counts", { version: 100, routing, effectiveAfter: 7 }],
  ["without a number", { routing, effectiveAfter: [] }],
])("a routing %s does not come into force, and is told", async (_, decision) => {
  const { nc, publish, delivered } = await startFlow();
  await nc.jetstream().publish("decision.config", JSON.stringify(decision));
  await publish([alarm(1)]);
  await eventually("the alarm goes its way, and the fault is told", () => {
    const got = delivered.map(({ agent, point }) => (agent === OWN_AGENT ? point : agent));
    expect(got.sort()).toEqual(["decision.config", "gw-1"]);
    return true;
  });
});
