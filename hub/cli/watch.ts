import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient } from "../../shared/cli/client.ts";
import { printLine } from "../../shared/cli/output.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { stopSignal } from "../../shared/runtime/lifecycle.ts";
import type { TrailEvent } from "../ledger/read/events.ts";
import { type ClientOptions, hubClient } from "./client.ts";

const RECONNECT_MS = 1_000;

/** Where the stream stands, so that a lost connection goes on behind the last event. */
interface Progress {
  lastEventId: string | undefined;
}

/** `watch`: one line per step of every alarm, until it is interrupted. A hub that restarts is waited for. */
export async function watch(options: ClientOptions & { since?: string }): Promise<void> {
  const client = hubClient(options);
  const signal = stopSignal();
  const progress: Progress = { lastEventId: undefined };
  while (!signal.aborted) {
    try {
      await follow(client, options, progress, signal);
    } catch (error) {
      if (signal.aborted) return;
      // Before the first answer a wrong URL is likelier than a restart; and what was refused will be refused again.
      if (progress.lastEventId === undefined || (error instanceof RelayError && !error.retry)) throw error;
      process.stderr.write(`alarm-hub: ${messageOf(error)}; trying again\n`);
    }
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function follow(
  client: ApiClient,
  options: { since?: string; json?: boolean },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { lastEventId } = progress;
  const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  let kind = "message";
  for await (const line of client.lines("/v1/events", { since: options.since }, { signal, headers })) {
    if (line === "") kind = "message";
    else if (line.startsWith("id: ")) progress.lastEventId = line.slice(4);
    else if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) show(kind, line.slice(6), options.json === true);
  }
}

function show(kind: string, data: string, isJson: boolean): void {
  if (kind === "reset") {
    const { reason } = JSON.parse(data) as { reason: string };
    process.stderr.write(`alarm-hub: events may be missing here: ${reason}\n`);
  } else printLine(isJson ? data : lineOf(JSON.parse(data) as TrailEvent));
}

/** One event for a person: when, what, which alarm, where, who. */
function lineOf({ at, kind, id, center, centers, operator, note, reason, alarm }: TrailEvent): string {
  const where = [alarm?.account, alarm?.area, alarm?.point].filter((part) => part !== undefined).join(" / ");
  const parts = [
    at,
    kind.padEnd(12),
    (alarm?.priority ?? "").padEnd(8),
    id,
    alarm === undefined ? "" : `${alarm.category} ${alarm.event} ${where}`,
    center ?? (centers === undefined ? "" : `for ${centers.length === 0 ? "nobody" : centers.join(", ")}`),
    operator === undefined ? "" : `by ${operator}`,
    note ?? reason ?? "",
  ];
  // Control characters in a device's text could drive the terminal.
  return parts
    .filter((part) => part !== "")
    .join("  ")
    .replaceAll(/\p{Cc}/gu, "·");
}
