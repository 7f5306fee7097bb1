import type { AlarmWithStages } from "../../agent/queue/types.ts";
import { PRIORITIES, type Priority } from "../../shared/alarm/priority.ts";
import type { Report } from "../../shared/alarm/report.ts";
import { eventually } from "../helpers/eventually.ts";
import type { Program } from "./programs.ts";

const PER_CALL = 1_000;

/** `count` reports, each of a point of its own: nothing but the lane orders them. Points count on from `first`. */
export function makeReports(count: number, more: Partial<Report> = {}, first = 0): Report[] {
  return Array.from(
    { length: count },
    (_, i) => ({ point: `zone-${first + i}`, category: "other", ...more }) as Report,
  );
}

/** `count` reports over all priorities, in turn. */
export function makeMixedReports(count: number, first = 0): Report[] {
  return makeReports(count, {}, first).map((report, i) => ({
    ...report,
    priority: PRIORITIES[i % PRIORITIES.length] as Priority,
  }));
}

/** Hands reports to an agent in arrays, one call after another; returns the ids in order. Every one must be accepted. */
export async function accept(agent: Program, reports: readonly Report[], perCall = PER_CALL): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < reports.length; i += perCall) {
    const response = await post(agent, reports.slice(i, i + perCall));
    if (response.status !== 201) throw new Error(`the agent answered ${response.status}: ${await response.text()}`);
    const { results } = (await response.json()) as { results: { id: string }[] };
    ids.push(...results.map(({ id }) => id));
  }
  return ids;
}

/** Hands one report to an agent. */
export async function acceptOne(agent: Program, report: Report): Promise<string> {
  const response = await post(agent, report);
  if (response.status !== 201) throw new Error(`the agent answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

export function post(agent: Program, body: unknown): Promise<Response> {
  return fetch(`${agent.url}/v1/alarms`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

interface QueueSummary {
  rows: Record<Priority, Record<"accepted" | "relayed" | "held" | "settled", number>>;
}

/** How many alarms an agent still keeps because they are not settled. */
async function unsettled(agent: Program): Promise<number> {
  const { rows } = await agent.get<QueueSummary>("/v1/queue");
  return Object.values(rows).reduce((sum, { accepted, relayed, held }) => sum + accepted + relayed + held, 0);
}

/** Waits until nothing more is owed to this agent. */
export async function allSettled(agent: Program, timeoutMs = 60_000): Promise<void> {
  await eventually(
    "the agent has learnt that all is settled",
    async () => {
      const count = await unsettled(agent);
      if (count > 0) throw new Error(`${count} are not settled`);
      return true;
    },
    { timeoutMs, everyMs: 100 },
  );
}

export function stagesOf(agent: Program, id: string): Promise<AlarmWithStages> {
  return agent.get<AlarmWithStages>(`/v1/alarms/${id}`);
}
