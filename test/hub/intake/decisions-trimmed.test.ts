import { expect, test } from "vitest";
import { trimmedDecisions } from "../../../hub/intake/trimmed-logs.ts";
import type { RoutingConfig } from "../../../hub/routing/config.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { type Logs, ROUTING, startLogs } from "./logs-fixture.ts";

/** Eight versions of the routing, the first a small one, take 86 % of it. */
const BYTES_MAX = 1_700_000;

/** A routing of about 200 KB, by which alarms go to `to` under its own name. */
function routing(name: string, to: string): RoutingConfig {
  const never = { name: "never", match: { account: Array.from({ length: 20_000 }, (_, i) => `no-${i}`) } };
  const deliver = { to: [to], require: 1 };
  return {
    ...ROUTING,
    routes: [{ ...never, deliver, continue: false }],
    defaultRoute: { name, deliver, continue: false },
  };
}

type Intake = Awaited<ReturnType<Logs["startIntake"]>>;

async function routed(logs: Logs, { follow }: Intake, seq: number): Promise<number> {
  const frameSeq = await logs.frame([alarm(seq, { priority: "high" })]);
  await follow("ALARMS", 1, frameSeq);
  return frameSeq;
}

test("versions of the routing stay while ALARMS holds what they route, and the one in force always", async () => {
  const logs = await startLogs({ DECISIONS: BYTES_MAX });
  const intake = await logs.startIntake();
  await routed(logs, intake, 1);
  await intake.intake.decideRouting(routing("second", "arc-north"));
  const secondSeq = await routed(logs, intake, 2);
  await intake.intake.decideRouting(routing("third", "arc-south"));
  const thirdSeq = await routed(logs, intake, 3);
  for (let n = 4; n <= 8; n++) await intake.intake.decideRouting(routing(`version ${n}`, "arc-north"));
  const before = await logs.state("DECISIONS");
  expect(before.bytes).toBeGreaterThan(BYTES_MAX * 0.8);

  const trimmer = intake.trim(trimmedDecisions);
  await eventually("it is told", () => intake.told().length > 0);
  expect(intake.told()).toMatchObject([{ condition: "log-filling", event: "raised", point: "DECISIONS" }]);
  expect((await logs.state("DECISIONS")).messages).toBe(before.messages);

  // The second version is needed from now on, and none before it.
  await logs.admin.purgeUpTo("ALARMS", "alarm.*.high", secondSeq - 1);
  await eventually("the first goes", async () => (await logs.state("DECISIONS")).firstSeq === 2);
  await logs.admin.purgeUpTo("ALARMS", "alarm.*.high", thirdSeq - 1);
  await eventually("the second goes", async () => (await logs.state("DECISIONS")).firstSeq === 3);
  await trimmer.stop();
  await intake.intake.stop();

  const rebuilt = await logs.startIntake(routing("version 8", "arc-north"));
  expect(rebuilt.ledger.configs.current?.version).toBe(8);
  expect(rebuilt.deliveries("gw-1.e1.3")).toEqual([undefined, "pending"]);
  await routed(logs, rebuilt, 9);
  expect(rebuilt.deliveries("gw-1.e1.9")).toEqual(["pending", undefined]);
});

test("what was tried again goes, and the routing before it stays", async () => {
  const logs = await startLogs({ DECISIONS: BYTES_MAX });
  const intake = await logs.startIntake();
  await routed(logs, intake, 1);
  const redriven = { id: "gw-1.e1.1", center: "arc-north", padding: "x".repeat(100_000) };
  while ((await logs.state("DECISIONS")).bytes < BYTES_MAX * 0.85) await logs.decision("redriven", redriven);
  const { lastSeq } = await logs.state("DECISIONS");
  await intake.follow("DECISIONS", -1, lastSeq);
  intake.trim(trimmedDecisions);
  await eventually("it is trimmed", async () => (await logs.state("DECISIONS")).bytes <= BYTES_MAX * 0.5);
  expect((await logs.state("DECISIONS")).firstSeq).toBe(1);
  // The alarm is open: that costs something.
  await eventually("it is told", () => intake.told().length > 0);
  expect(intake.told()[0]?.text).toContain("may count as dead");
});
