import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import { whenTestFinished } from "./temp-dir.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

// Loaded into the child before its own code. We hold the other end of the pipe at 3 and never write to it: when we end,
// however we end, the child is ended too.
const GUARD = `
  import { Socket } from "node:net";
  new Socket({ fd: 3 }).on("close", () => process.kill(process.pid, "SIGKILL")).resume().unref();
`;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  /** The lines of standard output so far. */
  readonly lines: readonly string[];
  /** The lines of standard error so far. */
  readonly errorLines: readonly string[];
  readonly exited: Promise<Exit>;
  /** The first line of standard output or error that matches, also if it came before the call. */
  waitForLine(pattern: RegExp | ((line: string) => boolean), timeoutMs?: number): Promise<string>;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
}

/**
 * Starts a built program of ours: `startProcess(["dist/agent/main.js", "run", "-c", file])`. Killed at the end of a test,
 * and with the test process. `cwd` is the root of the project unless given.
 */
export function startProcess(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): TestProcess {
  const [script = "", ...rest] = args;
  const child = spawn(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(GUARD)}`,
      fileURLToPath(new URL(script, `file://${ROOT}/`)),
      ...rest,
    ],
    {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    },
  );
  const exited = once(child, "close").then(([code, signal]) => ({ code, signal }) as Exit);
  const started: TestProcess = {
    pid: child.pid ?? 0,
    lines: linesOf(child.stdout as Readable),
    errorLines: linesOf(child.stderr as Readable),
    exited,
    waitForLine: (pattern, timeoutMs = 15_000) => waitForLine(started, () => isOver(child), pattern, timeoutMs),
    kill: (signal = "SIGKILL") => {
      if (!isOver(child)) child.kill(signal);
      return exited;
    },
  };
  whenTestFinished(() => started.kill().then(() => undefined));
  return started;
}

/** Runs a built program to its end and returns all that it said. */
export async function runProcess(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const started = startProcess(args, options);
  const exit = await started.exited;
  return { ...exit, stdout: started.lines.join("\n"), stderr: started.errorLines.join("\n") };
}

function isOver(child: { exitCode: number | null; signalCode: NodeJS.Signals | null }): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function linesOf(stream: Readable): string[] {
  const lines: string[] = [];
  createInterface({ input: stream }).on("line", (line) => lines.push(line));
  return lines;
}

async function waitForLine(
  started: TestProcess,
  over: () => boolean,
  pattern: RegExp | ((line: string) => boolean),
  timeoutMs: number,
): Promise<string> {
  const matches = pattern instanceof RegExp ? (line: string) => pattern.test(line) : pattern;
  const find = (): string | undefined => started.lines.find(matches) ?? started.errorLines.find(matches);
  const said = (): string => [...started.lines, ...started.errorLines].slice(-20).join("\n");
  const found = await eventually(
    `a line like ${String(pattern)}`,
    () => {
      const wasOver = over();
      const line = find();
      if (line !== undefined) return { line };
      if (wasOver) return { line: undefined };
      throw new Error(`it said:\n${said()}`);
    },
    { timeoutMs },
  );
  if (found.line !== undefined) return found.line;
  // Its last lines may still be on their way through the pipe.
  const exit = await started.exited;
  const line = find();
  if (line === undefined) throw new Error(`it ended (${JSON.stringify(exit)}) without the line; it said:\n${said()}`);
  return line;
}

/** True while a process with this id exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** SIGSTOP. It takes effect a moment after it was sent; this resolves once nothing of the process runs any more. */
export async function pauseProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await eventually(`process ${pid} has stopped`, () => isStopped(pid), { everyMs: 1 });
}

/** Each thread stops for itself, those in a system call when that is over. */
function isStopped(pid: number): boolean {
  if (process.platform !== "linux") {
    return /^\s*T/.test(execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }));
  }
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8")));
}

/** The ids of all processes below `pid`. */
export function descendantsOf(pid: number): number[] {
  const parents = process.platform === "linux" ? parentsFromProc() : parentsFromPs();
  const below = (parent: number): number[] =>
    [...parents].filter(([, its]) => its === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** Containers often have no `ps`. */
function parentsFromProc(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = /\) \S (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1];
      parents.set(Number(name), Number(parent));
    } catch {
      // It has ended since the folder was read.
    }
  }
  return parents;
}

function parentsFromPs(): Map<number, number> {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
}
