import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "../../shared/cli/client.ts";
import { printJson, printLine } from "../../shared/cli/output.ts";
import { QuietFailure } from "../../shared/cli/program.ts";
import type { AlarmWithStages, Stages } from "../queue/types.ts";
import { agentClient, type ClientOptions } from "./client.ts";

interface TestOptions extends ClientOptions {
  wait: "received" | "acknowledged";
  timeout: number;
  account?: string;
}

interface Step {
  stage: string;
  center?: string;
  ms: number;
}

type Verdict = { kind: "arrived" } | { kind: "waiting" } | { kind: "failed"; reason: string };

const POLL_MS_MIN = 5;
const POLL_MS_MAX = 250;

/**
 * `test`: sends a test alarm and prints each stage with the milliseconds since the report was handed over, by one clock
 * (ours), as the edge gets to know of it. Fails unless it arrived: every center of the route took it, or as many as the route requires.
 */
export async function test(options: TestOptions): Promise<void> {
  const client = agentClient(options);
  // Connects first: the stages are to be measured, not this command's own start.
  await client.get("/livez");
  const startedAtMs = performance.now();
  const sinceStart = (): number => Math.round((performance.now() - startedAtMs) * 10) / 10;
  const id = await send(client, options.account);
  const steps: Step[] = [];
  const take = (step: Step): void => {
    steps.push(step);
    if (options.json !== true) printLine(lineOf(step));
  };
  if (options.json !== true) printLine(`test alarm ${id}`);
  const verdict = await follow(client, id, options, { sinceStart, take });
  const reason = verdict.kind === "failed" ? verdict.reason : `not ${options.wait} within ${options.timeout / 1_000} s`;
  const arrived = verdict.kind === "arrived";
  if (options.json === true) printJson({ id, arrived, ...(arrived ? {} : { reason }), stages: steps });
  else printLine(arrived ? `it was ${options.wait}` : `it did not arrive: ${reason}`);
  if (!arrived) throw new QuietFailure();
}

async function send(client: ApiClient, account: string | undefined): Promise<string> {
  // A status: what nobody clears must not stay open after each daily test.
  const about = { point: "alarm-agent-test", category: "test", event: "status", test: true };
  const report = { ...about, text: "alarm-agent test", account };
  return (await client.post<{ id: string }>("/v1/alarms", report)).body.id;
}

async function follow(
  client: ApiClient,
  id: string,
  options: TestOptions,
  { sinceStart, take }: { sinceStart: () => number; take: (step: Step) => void },
): Promise<Verdict> {
  const seen = new Set<string>();
  let pollMs = POLL_MS_MIN;
  for (;;) {
    const { stages } = await client.get<AlarmWithStages>(`/v1/alarms/${id}`);
    const ms = sinceStart();
    for (const [key, step] of stepsOf(stages)) {
      if (seen.has(key)) continue;
      seen.add(key);
      take({ ...step, ms });
    }
    const verdict = judge(stages, options.wait);
    const leftMs = options.timeout - ms;
    if (verdict.kind !== "waiting" || leftMs <= 0) return verdict;
    await sleep(Math.min(pollMs, leftMs));
    pollMs = Math.min(POLL_MS_MAX, pollMs * 1.2);
  }
}

/** Everything that has happened so far, under a key that stays the same. */
function stepsOf(stages: Stages): [key: string, step: Omit<Step, "ms">][] {
  const steps: [string, Omit<Step, "ms">][] = [["accepted", { stage: "accepted" }]];
  if (stages.relayedAt !== undefined) steps.push(["relayed", { stage: "relayed" }]);
  if (stages.heldAt !== undefined) steps.push(["held", { stage: "held" }]);
  for (const { center, state, receivedAt } of stages.deliveries) {
    if (receivedAt !== undefined) steps.push([`${center} received`, { stage: "received", center }]);
    if (state !== "pending" && state !== "received") steps.push([`${center} ${state}`, { stage: state, center }]);
  }
  if (stages.settledAt !== undefined) steps.push(["settled", { stage: "settled" }]);
  return steps;
}

function judge({ heldAt, settledAt, deliveries }: Stages, wait: TestOptions["wait"]): Verdict {
  if (heldAt !== undefined && settledAt !== undefined && deliveries.length === 0) {
    return { kind: "failed", reason: "the hub's route for test alarms names no center, so that it was only recorded" };
  }
  const refused = deliveries.find(({ state }) => state === "rejected" || state === "dead" || state === "withdrawn");
  if (refused !== undefined) {
    const { center, state, reason } = refused;
    return {
      kind: "failed",
      reason: `${center} ${state === "rejected" ? "rejected it" : `is ${state}`}${reason === undefined ? "" : `: ${reason}`}`,
    };
  }
  const done =
    wait === "received"
      ? (deliveries.length > 0 && deliveries.every(received)) || (settledAt !== undefined && deliveries.some(received))
      : deliveries.some(({ acknowledgedAt }) => acknowledgedAt !== undefined);
  return done ? { kind: "arrived" } : { kind: "waiting" };
}

function received({ receivedAt }: Stages["deliveries"][number]): boolean {
  return receivedAt !== undefined;
}

function lineOf({ stage, center, ms }: Step): string {
  return `${ms.toFixed(1).padStart(9)} ms  ${stage}${center === undefined ? "" : ` ${stage === "failed" ? "at" : "by"} ${center}`}`;
}
