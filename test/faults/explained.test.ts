import { expect, test } from "vitest";
import { type Call, callLine } from "./call-log.ts";
import { Explained } from "./explained.ts";

function call(alarm: object): Call {
  const whole = { point: "queue", category: "supervision", condition: "", event: "status", priority: "high", ...alarm };
  return JSON.parse(callLine({ alarm: whole as never, attempt: 1, relayedAgain: false })) as Call;
}

test("what an agent has named as gone is explained, to the number", () => {
  const lost = JSON.stringify({
    lost: [
      ["k3", 4, 9],
      ["k4", 12, 12],
    ],
  });
  const explained = new Explained([
    call({ id: "gw-1.k4.20", agent: "gw-1", code: "queue-loss", raw: lost, attributes: { reason: "evicted" } }),
  ]);
  const ids = ["gw-1.k3.3", "gw-1.k3.4", "gw-1.k3.9", "gw-1.k3.10", "gw-1.k4.12", "gw-2.k3.4"];
  expect(ids.filter((id) => explained.lossOf(id) === "evicted")).toEqual(["gw-1.k3.4", "gw-1.k3.9", "gw-1.k4.12"]);
});

test("what the hub tells as a gap is one, and a device's word is nothing", () => {
  const raw = "gw-1.k3.7\ngw-1.k3.9-11\n";
  const explained = new Explained([
    call({ id: "hub.h1.1", agent: "hub", point: "gw-1", condition: "gap", raw }),
    call({ id: "gw-1.k3.2", agent: "gw-1", condition: "gap", raw: "gw-1.k3.2", reportId: "judged-1" }),
  ]);
  const ids = ["gw-1.k3.2", "gw-1.k3.7", "gw-1.k3.8", "gw-1.k3.9", "gw-1.k3.11", "gw-1.k3.12"];
  expect(ids.filter((id) => explained.isGap(id))).toEqual(["gw-1.k3.7", "gw-1.k3.9", "gw-1.k3.11"]);
});

test("an agent that could not read its deliveries has forgotten them, and no other has", () => {
  const explained = new Explained([
    call({ id: "gw-1.k3.1", agent: "gw-1", code: "queue-damaged", text: "…; not read to the end: delivery, raise" }),
    call({ id: "gw-2.k3.1", agent: "gw-2", code: "queue-damaged", text: "…; not read to the end: raise" }),
  ]);
  expect(["gw-1", "gw-2"].map((agent) => explained.hasForgottenDeliveries(agent))).toEqual([true, false]);
});
