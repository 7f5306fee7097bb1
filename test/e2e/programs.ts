import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/free-port.ts";
import { type Exit, startProcess, type TestProcess } from "../helpers/processes.ts";
import { tempDir } from "../helpers/temp-dir.ts";

// The relay as its owners run it: built programs, each a process of its own, with a configuration file each.

export const AGENT_MAIN = "dist/agent/main.js";
export const HUB_MAIN = "dist/hub/main.js";
export const CENTER_MAIN = "dist/shared/center/main.js";

const READY_MS_MAX = 30_000;

/** An agent or a hub that a test kills and starts again on the same files and the same port. */
export class Program {
  readonly url: string;
  /** The folder of its configuration; its data lies in `data` below it. */
  readonly dir: string;
  readonly configFile: string;
  readonly #main: string;
  #running: TestProcess | undefined;

  constructor(options: { main: string; url: string; dir: string; configFile: string }) {
    this.url = options.url;
    this.dir = options.dir;
    this.configFile = options.configFile;
    this.#main = options.main;
  }

  get process(): TestProcess {
    if (this.#running === undefined) throw new Error(`${this.#main} was not started`);
    return this.#running;
  }

  /** Starts it; resolves once it is ready. */
  async start(): Promise<void> {
    this.launch();
    await eventually(`${this.#main} is ready`, async () => (await fetch(`${this.url}/readyz`)).ok, {
      timeoutMs: READY_MS_MAX,
    });
  }

  /** Starts it and waits for nothing. */
  launch(): void {
    this.#running = startProcess([this.#main, "run", "-c", this.configFile]);
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    return this.process.kill(signal);
  }

  /** Asks it for JSON. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }
}

export interface HubOptions {
  /** NATS to use; without it the hub brings its own along, on `natsPort`. */
  natsUrl?: string;
  natsPort?: number;
  /** Ids, or whole entries of `centers`. All of them must receive every alarm. */
  centers: readonly (string | { id: string; [key: string]: unknown })[];
}

/** Starts a hub that hands every alarm to all of its centers. */
export async function startHub({ natsUrl, natsPort, centers }: HubOptions): Promise<Program> {
  const declared = centers.map((center) => (typeof center === "string" ? { id: center } : center));
  const hub = await prepare("hub", HUB_MAIN, (port) => ({
    nats: natsUrl === undefined ? { embedded: { port: natsPort ?? 0, dataDir: "./nats" } } : { servers: [natsUrl] },
    dataDir: "./data",
    http: { listen: `127.0.0.1:${port}` },
    centers: declared,
    defaultRoute: { deliver: { to: declared.map(({ id }) => id), require: "all" } },
    log: { format: "json" },
  }));
  await hub.start();
  return hub;
}

/** Starts an agent; `more` is laid over its configuration. */
export async function startAgent(agent: string, natsUrl: string, more: object = {}): Promise<Program> {
  const program = await prepare(agent, AGENT_MAIN, (port) => ({
    agent,
    dataDir: "./data",
    nats: { servers: [natsUrl] },
    inputs: { http: { listen: `127.0.0.1:${port}` } },
    log: { format: "json" },
    ...more,
  }));
  await program.start();
  return program;
}

/** Starts `alarm-center listen`; its lines are `{alarm, attempt}`. */
export function startListen(center: string, natsUrl: string, stateDir: string, ...more: string[]): TestProcess {
  return startProcess([
    CENTER_MAIN,
    "listen",
    "--id",
    center,
    "--servers",
    natsUrl,
    "--state",
    stateDir,
    "--json",
    ...more,
  ]);
}

async function prepare(name: string, main: string, config: (port: number) => object): Promise<Program> {
  const dir = tempDir(name);
  const port = await freePort();
  const configFile = join(dir, "config.yaml");
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(config(port)));
  return new Program({ main, url: `http://127.0.0.1:${port}`, dir, configFile });
}

/** All items of a paged list of the hub. */
export async function pages<T>(hub: Program, path: string): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | undefined;
  do {
    const page: { items: T[]; nextCursor?: string } = await hub.get(
      cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`,
    );
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}
