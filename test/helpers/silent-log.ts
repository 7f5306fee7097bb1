import { pino } from "pino";
import type { Logger } from "../../shared/runtime/log.ts";

/** A logger that says nothing. */
export function silentLog(): Logger {
  return pino({ level: "silent" });
}

export interface LogLine {
  level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  msg: string;
  [key: string]: unknown;
}

/** A logger whose lines a test can read. */
export function capturedLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as LogLine);
  };
  const formatters = { level: (label: string) => ({ level: label }) };
  return { log: pino({ level: "trace", formatters }, { write }), lines };
}
