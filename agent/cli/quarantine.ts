import type { ApiClient } from "../../shared/cli/client.ts";
import { printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { QuietFailure } from "../../shared/cli/program.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { QuarantineEntry } from "../queue/types.ts";
import { agentClient, type ClientOptions } from "./client.ts";
import { requireChoice } from "./queue.ts";

interface Page {
  items: QuarantineEntry[];
  nextCursor?: string;
}

interface Outcome {
  n: string;
  ids?: string[];
  error?: string;
}

/** `quarantine list`: a page of payloads that were no reports, with the reason. */
export async function list(options: ClientOptions & { limit: number; cursor?: string }): Promise<void> {
  const { limit, cursor } = options;
  const page = await agentClient(options).get<Page>("/v1/quarantine", { limit, cursor });
  if (options.json === true) return printJson(page);
  printTable(page.items, [
    { title: "n", right: true, cell: ({ n }) => n },
    { title: "at", cell: ({ at }) => at },
    { title: "input", cell: ({ input }) => input },
    { title: "source", cell: ({ source }) => source },
    { title: "bytes", right: true, cell: ({ payloadBytes }) => payloadBytes },
    { title: "reason", cell: ({ reason }) => reason },
  ]);
  if (page.nextCursor !== undefined) printLine(`more: --cursor ${page.nextCursor}`);
}

/** `quarantine retry`: reads each payload again. One that still is no report stays, and the command fails. */
export async function retry(numbers: readonly string[], options: ClientOptions & { all?: boolean }): Promise<void> {
  requireChoice(numbers, options.all);
  const client = agentClient(options);
  const outcomes: Outcome[] = [];
  for (const n of options.all === true ? await allNumbers(client) : numbers) outcomes.push(await retryOne(client, n));
  if (options.json === true) printJson({ results: outcomes });
  else for (const { n, ids, error } of outcomes) printLine(`${n}: ${error ?? describe(ids ?? [])}`);
  if (outcomes.some(({ error }) => error !== undefined)) throw new QuietFailure();
}

/** `quarantine discard`: removes payloads for good. One that is not there fails the command; the others go. */
export async function discard(numbers: readonly string[], options: ClientOptions & { all?: boolean }): Promise<void> {
  requireChoice(numbers, options.all);
  const client = agentClient(options);
  const outcomes: Outcome[] = [];
  for (const n of options.all === true ? await allNumbers(client) : numbers) {
    outcomes.push(
      await outcomeOf(n, async () => {
        await client.delete(pathOf(n));
        return undefined;
      }),
    );
  }
  if (options.json === true) printJson({ results: outcomes });
  else for (const { n, error } of outcomes) printLine(`${n}: ${error ?? "discarded"}`);
  if (outcomes.some(({ error }) => error !== undefined)) throw new QuietFailure();
}

async function allNumbers(client: ApiClient): Promise<string[]> {
  const numbers: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Page = await client.get<Page>("/v1/quarantine", { limit: 1_000, cursor });
    numbers.push(...page.items.map(({ n }) => String(n)));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return numbers;
}

function retryOne(client: ApiClient, n: string): Promise<Outcome> {
  return outcomeOf(n, async () => {
    const { body } = await client.post<{ results: { id?: string }[] }>(`${pathOf(n)}/retry`);
    return { ids: body.results.flatMap(({ id }) => (id === undefined ? [] : [id])) };
  });
}

/** What became of one entry: a refusal is told of with the others, an agent that is not there ends the command. */
async function outcomeOf(n: string, act: () => Promise<Pick<Outcome, "ids"> | undefined>): Promise<Outcome> {
  try {
    return { n, ...(await act()) };
  } catch (error) {
    if (!(error instanceof RelayError) || error.code === "not_connected") throw error;
    return { n, error: error.message };
  }
}

function pathOf(n: string): string {
  return `/v1/quarantine/${encodeURIComponent(n)}`;
}

function describe(ids: readonly string[]): string {
  return ids.length === 0 ? "read: it holds no new report" : `accepted as ${ids.join(", ")}`;
}
