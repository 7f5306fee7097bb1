import { expect, test } from "vitest";
import { OWN_AGENT } from "../../../shared/wire/subjects.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startFlow } from "../flow-fixture.ts";

test("a message that nobody can read becomes an alarm of the hub's own, and what lies behind it goes on", async () => {
  const { nc, publish, delivered } = await startFlow();
  await nc.jetstream().publish("alarm.gw-1.high", "{ not json");
  await publish([alarm(1, { priority: "high" })], "high");
  await eventually("both are delivered", () => expect(delivered).toHaveLength(2));
  const own = delivered.find((one) => one.agent === OWN_AGENT);
  expect(own).toMatchObject({ point: "alarm.gw-1.high", category: "technical", priority: "high", raw: "{ not json" });
  expect(own?.text).toContain("could not be read");
  expect(delivered.some((one) => one.id === "gw-1.e1.1")).toBe(true);
});

test("an alarm that cannot be held ends at its edge as dead, with the reason, and is told once", async () => {
  const { nc, publish, changes, delivered } = await startFlow();
  const poison = { ...alarm(1), category: "volcano" };
  await publish([poison as never, alarm(2)]);
  await eventually("it is settled", () => expect(changes.some(({ kind }) => kind === "settled")).toBe(true));
  const dead = changes.find(({ kind }) => kind === "dead");
  expect(dead).toMatchObject({ center: OWN_AGENT, ids: [["e1", 1, 1]], reason: "its category is unknown" });
  await eventually("it is told", () => delivered.find((one) => one.agent === OWN_AGENT));
  const before = changes.length;
  const headers = (await import("nats")).headers();
  headers.set("Alarm-Relayed-Again", "1");
  await nc.jetstream().publish("alarm.gw-1.critical", JSON.stringify([poison]), { headers });
  await eventually("it is told of again", () =>
    expect(changes.slice(before).map(({ kind }) => kind)).toEqual(expect.arrayContaining(["held", "settled"])),
  );
  expect(delivered.filter((one) => one.agent === OWN_AGENT)).toHaveLength(1);
});

test("a refused delivery is told by name, further ones are counted, and one about an own alarm is not told", async () => {
  const { hub, publish, receipt, delivered, kinds } = await startFlow();
  await publish([alarm(1), alarm(2), alarm(3)]);
  await receipt("rejected", ["gw-1.e1.1"], { reason: "unknown account" });
  const own = await eventually("it is told", () => delivered.find((one) => one.agent === OWN_AGENT));
  expect(own).toMatchObject({ point: "arc-north", condition: "delivery-rejected", raw: "gw-1.e1.1\n" });
  expect(own.text).toContain("gw-1.e1.1 was refused by arc-north: unknown account");
  await receipt("rejected", [own.id, "gw-1.e1.2", "gw-1.e1.3"], { reason: "no" });
  await eventually("all three are rejected", () =>
    expect(kinds().filter((kind) => kind === "rejected")).toHaveLength(2),
  );
  expect(delivered.filter((one) => one.agent === OWN_AGENT)).toHaveLength(1);
  await hub.stop();
});

test("decisions and receipts that make no sense are told, and what lies behind them goes on", async () => {
  const { nc, publish, receipt, kinds, delivered } = await startFlow();
  await nc.jetstream().publish("decision.config", JSON.stringify({ version: 99, routing: "none" }));
  await nc.jetstream().publish("decision.redriven", "null");
  await nc.jetstream().publish("receipt.arc-north", "[]");
  await publish([alarm(1)]);
  await receipt("received", ["gw-1.e1.1"]);
  await eventually("it is settled", () => expect(kinds()).toContain("settled"));
  const points = () => delivered.filter(({ agent }) => agent === OWN_AGENT).map(({ point }) => point);
  await eventually("all are told", () =>
    expect(points().sort()).toEqual(["decision.config", "decision.redriven", "receipt.arc-north"]),
  );
});
