import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { type GuardedProcess, killGuarded, spawnGuarded } from "./guarded-process.ts";
import { passLogLines } from "./log-lines.ts";
import { clearPortsFiles, readPortsFile } from "./ports-file.ts";

/** One life of a nats-server, from the moment it listens. */
export interface ServerRun {
  readonly port: number;
  readonly pid: number;
  /** Resolves with its exit status, or 128 + n if signal n ended it. */
  readonly exited: Promise<number>;
  /** Lets it finish in order, and kills it after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
  /** Kills it at once. */
  kill(): Promise<void>;
}

export interface ServerRunOptions {
  binary: string;
  configFile: string;
  /** The `ports_file_dir` of that configuration; owned by this server alone. */
  portsDir: string;
  log: Logger;
  signal?: AbortSignal;
}

const POLL_MS = 10;
/** The statuses that a shell gives for "a signal 9 ended it" and "there is no such command". */
const KILLED = 137;
const NOT_RUN = 127;

/**
 * Starts nats-server and resolves once it listens, which it does after its store is recovered: that has no bound of
 * its own. Throws `address_in_use` if its port is taken, `nats_server_failed` if it ends for another reason, and
 * `stopping` if `signal` aborts first.
 */
export async function runServer(options: ServerRunOptions): Promise<ServerRun> {
  clearPortsFiles(options.portsDir);
  const child = spawnGuarded(options.binary, ["-c", options.configFile]);
  child.stdout.resume();
  const { complaints } = passLogLines(child.stderr, options.log);
  let status: number | undefined;
  // `close` comes after the last line of its log was read, `exit` may come before.
  const exited = once(child, "close")
    .then(([code]) => (code as number | null) ?? KILLED)
    .catch(() => NOT_RUN);
  void exited.then((ended) => {
    status = ended;
  });
  for (;;) {
    const ports = readPortsFile(options.portsDir);
    if (ports !== undefined) return { ...ports, exited, stop: stopper(child, exited), kill: killer(child, exited) };
    if (status !== undefined) throw startError(status, complaints);
    if (options.signal?.aborted === true) {
      await killer(child, exited)();
      throw new RelayError("stopping", "nats-server was stopped while it started");
    }
    await sleep(POLL_MS);
  }
}

function stopper(child: GuardedProcess, exited: Promise<number>): (timeoutMs: number) => Promise<void> {
  return async (timeoutMs) => {
    child.stdin.end();
    const late = setTimeout(() => killGuarded(child), timeoutMs);
    await exited;
    clearTimeout(late);
  };
}

function killer(child: GuardedProcess, exited: Promise<number>): () => Promise<void> {
  return async () => {
    killGuarded(child);
    await exited;
  };
}

function startError(status: number, complaints: readonly string[]): RelayError {
  const said = complaints.join("; ") || "it said nothing";
  if (said.includes("address already in use")) return new RelayError("address_in_use", said);
  return new RelayError("nats_server_failed", `nats-server ended at its start with status ${status}: ${said}`);
}
