import { printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { AlarmDetails, AlarmView, Page } from "../ledger/read/views.ts";
import { type ClientOptions, hubClient } from "./client.ts";
import { collect } from "./pages.ts";

interface ListOptions extends ClientOptions {
  state?: string;
  open?: boolean;
  condition?: string;
  deliveryState?: string;
  agent?: string;
  account?: string;
  center?: string;
  priority?: string;
  since?: string;
  limit: number;
  cursor?: string;
}

/** `alarms list`: the newest that match. */
export async function list(options: ListOptions): Promise<void> {
  const { config: _, url: __, json, limit, cursor: start, ...filter } = options;
  const client = hubClient(options);
  const page = await collect(limit, start, (left, cursor) =>
    client.get<Page<AlarmView>>("/v1/alarms", { ...filter, limit: left, cursor }),
  );
  if (json === true) return printJson(page);
  printTable(page.items, [
    { title: "id", cell: ({ id }) => id },
    { title: "held", cell: ({ heldAt }) => heldAt },
    { title: "priority", cell: ({ alarm }) => alarm.priority },
    { title: "category", cell: ({ alarm }) => alarm.category },
    { title: "event", cell: ({ alarm }) => alarm.event },
    { title: "account", cell: ({ alarm }) => alarm.account },
    { title: "point", cell: ({ alarm }) => alarm.point },
    { title: "state", cell: ({ state }) => state },
    { title: "deliveries", cell: deliveriesOf },
  ]);
  if (page.nextCursor !== undefined) printLine(`more: --cursor ${page.nextCursor}`);
}

/** `alarms show`: one alarm, its deliveries and its trail. */
export async function show(id: string, options: ClientOptions): Promise<void> {
  const found = await hubClient(options).get<AlarmDetails>(pathOf(id));
  if (options.json === true) return printJson(found);
  const { alarm, route, state, condition, deliveries, trail } = found;
  const fields: [string, unknown][] = [
    ...Object.entries(alarm).filter(([key]) => key !== "condition"),
    ["state", state],
    ["condition", `${alarm.condition} (${condition})`],
    ["route", `${route.name}: ${route.centers.length === 0 ? "recorded only" : route.centers.join(", ")}`],
  ];
  printTable(fields, [
    { title: "field", cell: ([key]) => key },
    { title: "value", cell: ([, value]) => (typeof value === "object" ? JSON.stringify(value) : String(value)) },
  ]);
  printLine();
  if (deliveries.length > 0) {
    printTable(deliveries, [
      { title: "center", cell: ({ center }) => center },
      { title: "state", cell: ({ state: delivered }) => delivered },
      { title: "attempt", right: true, cell: ({ attempt }) => attempt },
      { title: "received", cell: ({ receivedAt }) => receivedAt },
      { title: "acknowledged", cell: ({ acknowledgedAt }) => acknowledgedAt },
      { title: "operator", cell: ({ operator }) => operator },
      { title: "reason", cell: ({ reason }) => reason },
    ]);
    printLine();
  }
  printTable(trail, [
    { title: "at", cell: ({ at }) => at },
    { title: "what", cell: ({ kind }) => kind },
    { title: "center", cell: ({ center }) => center },
    { title: "by", cell: ({ operator }) => operator },
    { title: "words", cell: ({ reason, note }) => reason ?? note },
  ]);
}

/** `alarms ack`: takes responsibility, for the named center or for the only one that has the alarm. */
export async function acknowledge(
  id: string,
  options: ClientOptions & { center?: string; operator: string; note?: string },
): Promise<void> {
  const client = hubClient(options);
  const center = options.center ?? onlyCenter(await client.get<AlarmDetails>(pathOf(id)));
  const { operator, note } = options;
  const answer = await client.post<{ at: string }>(`${pathOf(id)}/acknowledgments`, { center, operator, note });
  if (options.json === true) return printJson(answer.body);
  const before = answer.status === 200 ? " already" : "";
  printLine(`${id} is${before} acknowledged by ${operator} for ${center}, at ${answer.body.at}`);
}

function onlyCenter({ id, deliveries }: AlarmDetails): string {
  const [only, another] = deliveries;
  if (only !== undefined && another === undefined) return only.center;
  const names = deliveries.map(({ center }) => center).join(", ");
  const message = only === undefined ? `alarm ${id} went to no center` : `alarm ${id} goes to ${names}`;
  throw new RelayError("wrong_use", `${message}; say with --center for which one`);
}

function deliveriesOf({ deliveries }: AlarmView): string {
  return deliveries.map(({ center, state }) => `${center} ${state}`).join(", ");
}

function pathOf(id: string): string {
  return `/v1/alarms/${encodeURIComponent(id)}`;
}
