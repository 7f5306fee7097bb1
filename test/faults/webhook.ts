import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { Alarm } from "../../shared/alarm/alarm.ts";
import { callLine } from "./call-log.ts";
import { isSilent, outcomeOf, refusalOf } from "./misbehavior.ts";

// The receiver behind the webhook: writes down each POST and answers that it has it, unless the judge wants it to fail or
// to refuse.
const [port = "", logFile = "", failFile = ""] = process.argv.slice(2);
const log = openSync(logFile, "a");
const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => {
    if (request.method !== "POST") {
      response.writeHead(204).end();
      return;
    }
    const alarm = JSON.parse(body) as Alarm;
    const attempt = Number(request.headers["ce-attempt"] ?? 1);
    const relayedAgain = request.headers["ce-relayedagain"] === "true";
    const outcome = outcomeOf(failFile, alarm);
    writeSync(log, callLine({ alarm, attempt, relayedAgain, outcome }));
    if (outcome === "received") response.writeHead(204).end();
    else if (outcome === "rejected") response.writeHead(422).end(JSON.stringify({ reason: refusalOf(alarm.id) }));
    else if (!isSilent(alarm.reportId ?? "")) response.writeHead(500).end();
  });
});
server.listen(Number(port), "127.0.0.1");
