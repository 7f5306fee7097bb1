import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { eventually } from "../helpers/eventually.ts";
import { steadyNowMs } from "./clock.ts";

const PRELOAD = new URL("./preload.js", import.meta.url).href;
// Far more than any of it takes: the machine may have much else to do.
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 60_000;

export interface JudgedProcessOptions {
  name: string;
  /** A compiled program and its arguments, run with Node; or any other command. */
  command: readonly [program: string, ...args: string[]];
  isNode: boolean;
  /** Its output goes there, all of its lives together. */
  logFile: string;
  env?: Record<string, string>;
  /** Says that it works again; asked until it does. */
  isReady: () => Promise<boolean>;
  /** It ended by itself, without having been told to. */
  onCrash: (how: string) => void;
}

/** A process under judgment, over all its lives. */
export class JudgedProcess {
  readonly name: string;
  /** When it was killed, in milliseconds since 1970. */
  readonly killedAtMs: number[] = [];
  readonly #options: JudgedProcessOptions;
  #child: ChildProcess | undefined;
  #isExpectedToEnd = false;

  constructor(options: JudgedProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits until it works, unless it runs already. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  /** Starts it, unless it runs already, and waits for nothing. */
  launch(): void {
    if (this.isRunning) return;
    const { command, isNode, logFile, env } = this.#options;
    const [program, ...args] = command;
    this.#isExpectedToEnd = false;
    const child = isNode
      ? spawn(process.execPath, ["--import", PRELOAD, program, ...args], {
          env: { ...process.env, ...env },
          stdio: ["ignore", "pipe", "pipe", "pipe"],
        })
      : spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    children.add(child);
    const log = createWriteStream(logFile, { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once("close", () => log.end());
    child.once("exit", (code, signal) => {
      children.delete(child);
      if (!this.#isExpectedToEnd) this.#options.onCrash(signal ?? `exit code ${code}`);
    });
  }

  async ready(): Promise<void> {
    await eventually(`${this.name} is ready`, this.#options.isReady, { timeoutMs: READY_MS_MAX, everyMs: 50 });
  }

  /** It may end at any time from now on, at a point that was armed. */
  expectEnd(): void {
    this.#isExpectedToEnd = true;
  }

  /** A point that was armed has killed it, or it took too long to end. */
  noteKilled(): void {
    this.killedAtMs.push(steadyNowMs());
  }

  /** The armed point was not reached: it shall not end after all. */
  expectLife(): void {
    this.#isExpectedToEnd = false;
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
    this.killedAtMs.push(steadyNowMs());
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    const late = setTimeout(() => {
      this.#child?.kill("SIGKILL");
      this.noteKilled();
    }, STOP_MS_MAX);
    await this.#end("SIGTERM");
    clearTimeout(late);
  }

  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void {
    this.#child?.kill(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    this.#isExpectedToEnd = true;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** A program of the judge itself, compiled beside this file. */
export function ownProgram(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

/** True if somebody listens at a port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
