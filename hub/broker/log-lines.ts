import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Logger } from "../../shared/runtime/log.ts";

/** Routine lines of the server are details to us; its banner alone has twenty of them. */
const LEVELS = { TRC: "trace", DBG: "trace", INF: "debug", WRN: "warn", ERR: "error", FTL: "error" } as const;

const LINE = /^\[\d+\] (?:\S+ \S+ )?\[(TRC|DBG|INF|WRN|ERR|FTL)\] (.*)$/;

/** Passes what a nats-server writes through our log, line by line. Returns its last complaints. */
export function passLogLines(stream: Readable, log: Logger): { complaints: readonly string[] } {
  const complaints: string[] = [];
  createInterface({ input: stream }).on("line", (line) => {
    if (line === "") return;
    // A line of another shape is no log line: a mistake in its arguments, or a panic.
    const [, tag = "ERR", text = line] = LINE.exec(line) ?? [];
    const level = LEVELS[tag as keyof typeof LEVELS];
    log[level](text.trim());
    if (level !== "error") return;
    complaints.push(text.trim());
    if (complaints.length > 10) complaints.shift();
  });
  return { complaints };
}
