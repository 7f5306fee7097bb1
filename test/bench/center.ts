import { connectCenter } from "../../shared/center/index.ts";
import { monotonicMs } from "./clock.ts";

// A receiving center under measurement: takes custody with a synced state directory and does nothing else. It says at
// its end when the handler had each alarm, by the clock that all processes share.
const [id = "", servers = "", stateDir = "", isStamping = ""] = process.argv.slice(2);
const center = await connectCenter({ id, servers, stateDir });
const handledMs: Record<string, number> = {};
await center.listen(({ alarm }) => {
  if (isStamping === "stamping") handledMs[alarm.id] = monotonicMs();
  return Promise.resolve();
});
console.log("listening");
process.once("SIGTERM", () => {
  void center.stop().then(() => console.log(`handled ${JSON.stringify(handledMs)}`));
});
