import { PRIORITIES } from "../../shared/alarm/priority.ts";
import { humanDuration, printJson, printLine, printTable } from "../../shared/cli/output.ts";
import { QuietFailure } from "../../shared/cli/program.ts";
import type { StatusAnswer } from "../api/health-routes.ts";
import { type ClientOptions, hubClient } from "./client.ts";

/** `status`: whether alarms get through, in words, and what each center is owed. Fails when something is wrong. */
export async function status(options: ClientOptions): Promise<void> {
  const found = await hubClient(options).get<StatusAnswer>("/v1/status");
  if (options.json === true) printJson(found);
  else show(found);
  if (found.status !== "ok") throw new QuietFailure();
}

function show({ version, startedAt, reasons, alarmsOpen, agents, centers }: StatusAnswer): void {
  printLine(`alarm-relay ${version}, up for ${humanDuration(Date.now() - Date.parse(startedAt))}`);
  printLine(reasons.length === 0 ? "ok: alarms get through" : reasons.map((reason) => `FAIL  ${reason}`).join("\n"));
  printLine();
  const states = Object.entries(agents).filter(([, count]) => count > 0);
  const counted = states.map(([state, count]) => `${count} ${state}`).join(", ");
  printLine(`agents: ${counted === "" ? "none yet" : counted}; open alarms: ${alarmsOpen}`);
  printLine();
  printTable(centers, [
    { title: "center", cell: ({ center }) => center },
    { title: "connects", cell: ({ connection }) => connection },
    { title: "listens", cell: ({ connected }) => (connected ? "yes" : "no") },
    ...PRIORITIES.map((priority) => ({
      title: priority,
      right: true,
      cell: ({ open }: StatusAnswer["centers"][number]) => open[priority],
    })),
    { title: "failed", right: true, cell: ({ failed }) => failed },
    {
      title: "oldest",
      right: true,
      cell: ({ oldestHeldAt }) =>
        oldestHeldAt === undefined ? undefined : humanDuration(Math.max(0, Date.now() - Date.parse(oldestHeldAt))),
    },
  ]);
}
