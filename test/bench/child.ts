import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A process of the relay under measurement. */
export interface Child {
  readonly pid: number;
  /** Resolves with the first line of standard output or error that matches. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

let nodeOptions: readonly string[] = [];

/** Has every process that is started from now on write a CPU profile into `dir` when it stops. */
export function profileInto(dir: string): void {
  nodeOptions = ["--cpu-prof", `--cpu-prof-dir=${dir}`];
}

/** Starts a built program of the project with Node. */
export function startChild(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [...nodeOptions, script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      // What was said long ago is of no use in an error message.
      if (lines.length > 1_000) lines.splice(0, 500);
      for (const check of waiting) check();
    });
  }
  const exited = once(child, "exit").then(() => {
    children.delete(child);
    for (const check of waiting) check();
  });
  return {
    pid: child.pid ?? 0,
    line: (pattern, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const fail = (): void =>
          finish(() => reject(new Error(`${script}: no line like ${pattern}:\n${lines.slice(-10).join("\n")}`)));
        const timer = setTimeout(fail, timeoutMs);
        const finish = (settle: () => void): void => {
          clearTimeout(timer);
          waiting.delete(check);
          settle();
        };
        const check = (): void => {
          const found = lines.find((line) => pattern.test(line));
          if (found !== undefined) finish(() => resolve(found));
          else if (child.exitCode !== null) fail();
        };
        waiting.add(check);
        check();
      }),
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Resident memory of a process, now and at its highest, in bytes. Linux only. */
export function memoryOf(pid: number): { rssBytes: number; rssBytesMax: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { rssBytes: kib("VmRSS") * 1024, rssBytesMax: kib("VmHWM") * 1024 };
}

/** CPU seconds that a process has used. Linux only, at 100 ticks a second. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The nats-server that runs below a hub. Linux only. */
export function natsServerBelow(hubPid: number): number {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, name = "", parent = ""] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return [{ pid: Number(pid), name, parent: Number(parent) }];
      } catch {
        return []; // It has ended since the folder was read.
      }
    });
  const below = new Set([hubPid]);
  for (const { pid, parent } of stats.sort((a, b) => a.pid - b.pid)) if (below.has(parent)) below.add(pid);
  return stats.find(({ pid, name }) => name === "nats-server" && below.has(pid))?.pid ?? hubPid;
}
