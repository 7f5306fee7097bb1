import { join } from "node:path";
import { PRIORITIES, type Priority } from "../../../shared/alarm/priority.ts";
import { connectCenter, type Delivery } from "../../../shared/center/index.ts";
import { serveControl } from "../control.ts";
import { type WaitSummary, Waits } from "../waits.ts";

/** What the centers have received since the last `reset`. */
export interface CenterStats {
  received: number;
  /** From accepted at the edge to the call of the handler. */
  waits: Record<Priority, WaitSummary>;
}

// Receiving centers under measurement, as many as are named: each takes custody with a synced state directory of its
// own and does nothing else.
const [servers = "", dir = "", ...ids] = process.argv.slice(2);

let waits = noWaits();
let received = 0;

function noWaits(): Record<Priority, Waits> {
  return Object.fromEntries(PRIORITIES.map((priority) => [priority, new Waits()])) as Record<Priority, Waits>;
}

function handle({ alarm }: Delivery): void {
  received += 1;
  waits[alarm.priority].add(Date.now() - Date.parse(alarm.acceptedAt));
}

const centers = await Promise.all(
  ids.map(async (id) => {
    const center = await connectCenter({ id, servers, stateDir: join(dir, id) });
    await center.listen(handle);
    return center;
  }),
);
process.once("SIGTERM", () => {
  void Promise.all(centers.map((center) => center.stop())).then(() => process.exit());
});

await serveControl({
  stats: (): CenterStats => ({
    received,
    waits: Object.fromEntries(
      PRIORITIES.map((priority) => [priority, waits[priority].summary()]),
    ) as CenterStats["waits"],
  }),
  reset: () => {
    received = 0;
    waits = noWaits();
  },
});
