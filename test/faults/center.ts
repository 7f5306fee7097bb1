import { openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { callLine } from "./call-log.ts";
import { outcomeOf, refusalOf } from "./misbehavior.ts";

// A receiving center under judgment: writes down each call of its handler and takes custody, unless the judge wants it
// to fail or to refuse. What is written stays when the process is killed.
const [library = "", id = "", servers = "", stateDir = "", logFile = "", failFile = ""] = process.argv.slice(2);
const { connectCenter } = (await import(pathToFileURL(library).href)) as typeof import("../../shared/center/index.ts");
const log = openSync(logFile, "a");
const center = await connectCenter({ id, servers, stateDir, connectTimeoutMs: 0 });
center.on("error", (error) => console.error(new Date().toISOString(), error.message));
const stopping = new AbortController();
process.once("SIGTERM", () => {
  stopping.abort();
  void center.stop().then(() => process.exit(0));
});
// It refuses to listen while it cannot ask whether somebody else does, or while one who was killed still seems to.
while (!stopping.signal.aborted) {
  try {
    await center.listen(async (delivery) => {
      const outcome = outcomeOf(failFile, delivery.alarm);
      writeSync(log, callLine({ ...delivery, outcome }));
      if (outcome === "failed") throw new Error("the judge wants this handler to fail");
      if (outcome === "rejected") await delivery.reject(refusalOf(delivery.alarm.id));
    });
    break;
  } catch (error) {
    console.error(new Date().toISOString(), String(error));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
console.log("listening");
