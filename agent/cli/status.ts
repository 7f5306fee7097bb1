import { PRIORITIES } from "../../shared/alarm/priority.ts";
import { humanBytes, humanDuration, printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { QuietFailure } from "../../shared/cli/program.ts";
import type { QueueSummary } from "../queue/types.ts";
import { agentClient, type ClientOptions } from "./client.ts";

interface Status {
  agent: string;
  version: string;
  startedAt: string;
  custody: string;
  checks: { name: string; ok: boolean; reason?: string }[];
  queue: QueueSummary;
}

/** `status`: whether alarms get through, in words, and what the queue holds. Fails when something is wrong. */
export async function status(options: ClientOptions): Promise<void> {
  const found = await agentClient(options).get<Status>("/v1/status");
  if (options.json === true) printJson(found);
  else show(found);
  if (found.checks.some(({ ok }) => !ok)) throw new QuietFailure();
}

function show({ agent, version, startedAt, custody, checks, queue }: Status): void {
  const upMs = Date.now() - Date.parse(startedAt);
  printLine(`${agent}, alarm-relay ${version}, up for ${humanDuration(upMs)}, custody until ${custody}`);
  printLine();
  for (const { name, ok, reason } of checks) printLine(`${ok ? "ok  " : "FAIL"}  ${name}${ok ? "" : `: ${reason}`}`);
  printLine();
  printTable(PRIORITIES, [
    { title: "priority", cell: (priority) => priority },
    { title: "accepted", right: true, cell: (priority) => queue.rows[priority].accepted },
    { title: "relayed", right: true, cell: (priority) => queue.rows[priority].relayed },
    { title: "held", right: true, cell: (priority) => queue.rows[priority].held },
    { title: "settled", right: true, cell: (priority) => queue.rows[priority].settled },
    { title: "evicted", right: true, cell: (priority) => queue.evicted[priority] },
  ]);
  printLine();
  printLine(`${humanBytes(queue.bytes)} of ${humanBytes(queue.bytesMax)}, at most ${queue.rowsMax} alarms`);
  const waits = queue.oldestUnsettledMs > 0 ? `waits for ${humanDuration(queue.oldestUnsettledMs)}` : "nothing waits";
  printLine(`oldest unsettled: ${waits}; in quarantine: ${queue.quarantined}`);
}
