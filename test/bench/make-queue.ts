import { Queue } from "../../agent/queue/queue.ts";
import { queueMigrations } from "../../agent/queue/schema.ts";
import type { Report } from "../../shared/alarm/report.ts";
import { createLogger } from "../../shared/runtime/log.ts";
import { report } from "./load.ts";
import { preparedFolder } from "./prepared.ts";

const REPORTS_PER_COMMIT = 1_000;

/** Room for what the scenarios queue, beside the reserve for critical alarms. */
export const ROOMY_QUEUE = { queue: { rowsMax: 3_000_000, bytesMax: "4GiB" } };

/** The data directory of an agent `gw-1` with `count` low alarms that wait. */
export function preparedQueue(count: number): Promise<string> {
  return preparedFolder({ name: `queue-${count}`, schema: queueMigrations, version: 1 }, async (dataDir) => {
    const queue = new Queue({
      dataDir,
      agent: "gw-1",
      custody: "center",
      limits: { rowsMax: count * 2, bytesMax: count * 2_000, criticalReserve: 0.1, keepConfirmedMs: 0 },
      log: createLogger("bench", { level: "warn", format: "auto" }),
    });
    for (let first = 0; first < count; first += REPORTS_PER_COMMIT) {
      const reports = Array.from({ length: REPORTS_PER_COMMIT }, (_, i) => report(first + i, "other") as Report);
      await queue.accept(reports, { input: "http" });
    }
    await queue.close();
  });
}
