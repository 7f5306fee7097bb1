import { expect, test } from "vitest";
import type { AlarmWithStages } from "../../agent/queue/types.ts";
import { wayAsJson, wayAsText } from "../../deploy/local/show.ts";

const alarm: AlarmWithStages = {
  id: "gw-1.k3.42",
  agent: "gw-1",
  account: "1001",
  point: "till",
  category: "hold-up",
  event: "raised",
  priority: "critical",
  condition: "hold-up",
  test: false,
  acceptedAt: "2026-01-02T03:04:05.100Z",
  stages: {
    acceptedAt: "2026-01-02T03:04:05.100Z",
    settledAt: "2026-01-02T03:04:05.120Z",
    deliveries: [
      { center: "arc-north", state: "acknowledged", receivedAt: "2026-01-02T03:04:05.104Z", operator: "kim" },
      { center: "arc-south", state: "failed", reason: "disk full" },
    ],
  },
};

test("a line of text shows the way: priority, point, each center, who acknowledged", () => {
  const line = wayAsText(alarm, 0, false);
  expect(line.split(/ {2,}/)).toEqual([
    "03:04:05.100",
    "critical",
    "gw-1",
    "1001/till hold-up raised",
    "arc-north 4 ms",
    "arc-south failed",
    "acknowledged by kim at arc-north",
  ]);
});

test("only a terminal gets colours, and what was skipped is said", () => {
  expect(wayAsText(alarm, 0, true)).toContain("\u001b[");
  const [skipped, line] = wayAsText(alarm, 7, false).split("\n");
  expect(skipped).toBe("... and 7 more");
  expect(line).toBe(wayAsText(alarm, 0, false));
});

test("the same as JSON", () => {
  expect(JSON.parse(wayAsJson(alarm, 7))).toMatchObject({
    type: "alarm",
    id: "gw-1.k3.42",
    deliveries: [
      { center: "arc-north", state: "acknowledged", receivedMs: 4, operator: "kim" },
      { center: "arc-south", state: "failed" },
    ],
    skipped: 7,
  });
});
