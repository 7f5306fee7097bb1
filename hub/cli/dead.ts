import { printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { DeadView, Page } from "../ledger/read/views.ts";
import { type ClientOptions, hubClient } from "./client.ts";
import { collect } from "./pages.ts";

interface ListOptions extends ClientOptions {
  center?: string;
  limit: number;
  cursor?: string;
}

const PAGE = 1_000;

/** `dead list`: deliveries that were given up or refused, with the reason. */
export async function list(options: ListOptions): Promise<void> {
  const { center, limit, cursor: start, json } = options;
  const client = hubClient(options);
  const page = await collect(limit, start, (left, cursor) =>
    client.get<Page<DeadView>>("/v1/dead", { center, limit: left, cursor }),
  );
  if (json === true) return printJson(page);
  printTable(page.items, [
    { title: "id", cell: ({ id }) => id },
    { title: "center", cell: ({ center: name }) => name },
    { title: "state", cell: ({ state }) => state },
    { title: "attempt", right: true, cell: ({ attempt }) => attempt },
    { title: "priority", cell: ({ alarm }) => alarm.priority },
    { title: "category", cell: ({ alarm }) => alarm.category },
    { title: "point", cell: ({ alarm }) => alarm.point },
    { title: "reason", cell: ({ reason }) => reason },
  ]);
  if (page.nextCursor !== undefined) printLine(`more: --cursor ${page.nextCursor}`);
}

/** `dead redrive`: has one delivery dispatched again, or with `--all` every one. */
export async function redrive(
  id: string | undefined,
  center: string | undefined,
  options: ClientOptions & { all?: boolean; center?: string },
): Promise<void> {
  const named = id !== undefined && center !== undefined;
  if (named === (options.all === true) || (id !== undefined && center === undefined)) {
    throw new RelayError("wrong_use", "name the alarm and the center, or give --all");
  }
  const client = hubClient(options);
  const chosen = named
    ? [{ id, center }]
    : (
        await collect(Number.POSITIVE_INFINITY, undefined, (_, cursor) =>
          client.get<Page<DeadView>>("/v1/dead", { center: options.center, limit: PAGE, cursor }),
        )
      ).items;
  for (const delivery of chosen) {
    const path = `/v1/dead/${encodeURIComponent(delivery.id)}/${encodeURIComponent(delivery.center)}/redrive`;
    await client.post(path);
  }
  if (options.json === true) printJson({ redriven: chosen.length });
  else printLine(`${chosen.length} will be dispatched again`);
}
