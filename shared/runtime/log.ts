import { pino } from "pino";

export type Logger = pino.Logger;

export interface LogConfig {
  level: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  format: "auto" | "json" | "text";
}

/**
 * Makes the logger of one process. Lines go to standard error, so that standard output stays free for data.
 * `auto` writes text for a person on a terminal and JSON everywhere else.
 */
export function createLogger(name: string, config: LogConfig): Logger {
  const text = config.format === "text" || (config.format === "auto" && process.stderr.isTTY === true);
  const options: pino.LoggerOptions = {
    name,
    level: config.level,
    base: { name },
  };
  if (!text) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino({
    ...options,
    transport: {
      target: "pino-pretty",
      options: {
        destination: 2,
        ignore: "pid,hostname",
        translateTime: "SYS:HH:MM:ss.l",
      },
    },
  });
}

const REPEAT_AFTER_MS = 60_000;

/**
 * Logs a condition when it changes, then at most once a minute while it stays: a link that is down for a week
 * must not fill the disk with the same line.
 */
export class ChangeLog {
  #message: string | undefined;
  #loggedAtMs = 0;
  readonly #log: (message: string) => void;
  readonly #nowMs: () => number;

  constructor(log: (message: string) => void, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** Logs `message` unless it is the one that was logged last, less than a minute ago. */
  say(message: string): void {
    const nowMs = this.#nowMs();
    if (message === this.#message && nowMs - this.#loggedAtMs < REPEAT_AFTER_MS) return;
    this.#message = message;
    this.#loggedAtMs = nowMs;
    this.#log(message);
  }

  /** The condition is over: the next `say` logs again, whatever it says. */
  clear(): void {
    this.#message = undefined;
  }
}
