import { printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { AlarmWithStages, Stages } from "../queue/types.ts";
import { agentClient, type ClientOptions } from "./client.ts";

interface FilterOptions extends ClientOptions {
  stage?: string;
  account?: string;
  point?: string;
  reportId?: string;
}

interface ListOptions extends FilterOptions {
  limit: number;
  cursor?: string;
}

/** `queue list`: a page of alarms, newest first. */
export async function list(options: ListOptions): Promise<void> {
  const { limit, cursor } = options;
  const page = await agentClient(options).get<{ items: AlarmWithStages[]; nextCursor?: string }>("/v1/alarms", {
    ...filterOf(options),
    limit,
    cursor,
  });
  if (options.json === true) return printJson(page);
  printTable(page.items, [
    { title: "id", cell: ({ id }) => id },
    { title: "accepted", cell: ({ acceptedAt }) => acceptedAt },
    { title: "priority", cell: ({ priority }) => priority },
    { title: "category", cell: ({ category }) => category },
    { title: "event", cell: ({ event }) => event },
    { title: "account", cell: ({ account }) => account },
    { title: "point", cell: ({ point }) => point },
    { title: "stage", cell: ({ stages }) => stageOf(stages) },
  ]);
  if (page.nextCursor !== undefined) printLine(`more: --cursor ${page.nextCursor}`);
}

/** `queue show`: one alarm, its stages and deliveries. */
export async function show(id: string, options: ClientOptions): Promise<void> {
  const alarm = await agentClient(options).get<AlarmWithStages>(`/v1/alarms/${encodeURIComponent(id)}`);
  if (options.json === true) return printJson(alarm);
  const { stages, ...fields } = alarm;
  printTable(Object.entries(fields), [
    { title: "field", cell: ([key]) => key },
    { title: "value", cell: ([, value]) => (typeof value === "object" ? JSON.stringify(value) : String(value)) },
  ]);
  printLine();
  const { deliveries, ...times } = stages;
  printTable(Object.entries(times), [
    { title: "stage", cell: ([name]) => name.replace(/At$/, "") },
    { title: "at", cell: ([, at]) => at },
  ]);
  if (deliveries.length === 0) return;
  printLine();
  printTable(deliveries, [
    { title: "center", cell: ({ center }) => center },
    { title: "state", cell: ({ state }) => state },
    { title: "received", cell: ({ receivedAt }) => receivedAt },
    { title: "acknowledged", cell: ({ acknowledgedAt }) => acknowledgedAt },
    { title: "operator", cell: ({ operator }) => operator },
    { title: "note", cell: ({ note }) => note },
    { title: "reason", cell: ({ reason }) => reason },
  ]);
}

/** `queue export`: every alarm that matches, as lines of JSON. */
export async function exportAll(options: FilterOptions): Promise<void> {
  for await (const line of agentClient(options).lines("/v1/export", filterOf(options))) {
    if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}

/** `queue retry`: relays the named alarms again, or with `--all` every one that is not settled. */
export async function retry(ids: readonly string[], options: ClientOptions & { all?: boolean }): Promise<void> {
  requireChoice(ids, options.all);
  const body = options.all === true ? {} : { ids };
  const answer = await agentClient(options).post<{ relayedAgain: number }>("/v1/queue/retry", body);
  if (options.json === true) printJson(answer.body);
  else printLine(`${answer.body.relayedAgain} will be relayed again`);
}

/** Throws `wrong_use` unless either something is named or all of it is meant. */
export function requireChoice(named: readonly string[], all: boolean | undefined): void {
  if (named.length > 0 === (all === true)) {
    throw new RelayError("wrong_use", "name the ones that are meant, or give --all");
  }
}

function filterOf({ stage, account, point, reportId }: FilterOptions): Record<string, string | undefined> {
  return { stage, account, point, reportId };
}

function stageOf({ relayedAt, heldAt, settledAt }: Stages): string {
  if (settledAt !== undefined) return "settled";
  if (heldAt !== undefined) return "held";
  return relayedAt === undefined ? "accepted" : "relayed";
}
