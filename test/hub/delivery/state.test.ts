import { expect, test } from "vitest";
import {
  DELIVERY_STATES,
  type DeliveryEvent,
  type DeliveryState,
  isOwed,
  next,
  retryDelayMs,
} from "../../../hub/delivery/state.ts";

const EVENTS: DeliveryEvent[] = ["received", "acknowledged", "failed", "rejected", "killed", "redriven", "lost"];

/** Every state × every event, with `-` where nothing changes; custody and acknowledgment are what the state says. */
const TABLE: Record<DeliveryState, string> = {
  //            received acknowledged failed rejected killed redriven lost
  pending: "received acknowledged failed rejected dead - pending",
  dispatched: "received acknowledged failed rejected dead - pending",
  received: "- acknowledged - - - - -",
  acknowledged: "- - - - - - -",
  failed: "received acknowledged failed rejected dead - pending",
  rejected: "received acknowledged - - - failed -",
  dead: "received acknowledged - - - failed -",
  withdrawn: "received acknowledged - - - - -",
};

test.each(DELIVERY_STATES)("from %s", (state) => {
  const milestones = {
    received: state === "received" || state === "acknowledged",
    acknowledged: state === "acknowledged",
  };
  expect(EVENTS.map((event) => next(state, event, milestones) ?? "-").join(" ")).toBe(TABLE[state]);
});

test("an acknowledgment from within a handler leaves the reception owed, and stands when the handler fails", () => {
  const within = { received: false, acknowledged: true };
  expect(isOwed("acknowledged", within)).toBe(true);
  expect(next("acknowledged", "received", within)).toBe("acknowledged");
  expect(next("acknowledged", "failed", within)).toBe("failed");
  expect(next("failed", "received", within)).toBe("acknowledged");
});

test("custody is never lost again", () => {
  for (const state of DELIVERY_STATES) {
    for (const event of EVENTS) {
      for (const acknowledged of [true, false]) {
        const to = next(state, event, { received: true, acknowledged });
        expect(to ?? "acknowledged", `${state} ${event}`).toBe("acknowledged");
      }
    }
  }
});

test("the delay grows from 1 s to 5 minutes and stays there", () => {
  expect([1, 2, 3, 9, 10, 1_000].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
});
