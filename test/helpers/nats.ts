import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findNatsServer } from "../../hub/broker/find.ts";
import { runServer, type ServerRun } from "../../hub/broker/server-run.ts";
import { pauseProcess } from "./processes.ts";
import { silentLog } from "./silent-log.ts";
import { removeTempDir, tempDir, whenTestFinished } from "./temp-dir.ts";

export interface NatsOptions {
  /** A fixed port; a free one unless given. */
  port?: number;
  /** Where JetStream keeps its streams; a folder of the test unless given. */
  storeDir?: string;
  /** More lines of nats-server configuration. */
  config?: string;
}

export interface TestNats {
  readonly url: string;
  readonly port: number;
  readonly storeDir: string;
  /** Stops the server in an orderly way. Idempotent; runs by itself at the end of a test. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store; stops it first if it runs. */
  restart(): Promise<void>;
  /** Stops the process as it is: connections stay open, and nothing answers once this has resolved. */
  pause(): Promise<void>;
  resume(): void;
}

/** Starts a real nats-server with JetStream, which syncs every write as the embedded broker does. */
export async function startNats(options: NatsOptions = {}): Promise<TestNats> {
  const dir = tempDir("nats");
  const nats = new Launcher(dir, options.storeDir ?? join(dir, "store"), options);
  const ownedByTest = whenTestFinished(() => nats.stop());
  if (!ownedByTest) nats.onStop = () => removeTempDir(dir);
  await nats.start();
  return nats;
}

class Launcher implements TestNats {
  readonly storeDir: string;
  readonly #dir: string;
  readonly #config: string;
  #port: number;
  #run: ServerRun | undefined;
  onStop: () => void = () => undefined;

  constructor(dir: string, storeDir: string, options: NatsOptions) {
    this.#dir = dir;
    this.storeDir = storeDir;
    this.#port = options.port ?? -1;
    this.#config = options.config ?? "";
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const portsDir = join(this.#dir, "ports");
    mkdirSync(portsDir, { recursive: true });
    const configFile = join(this.#dir, "nats-server.conf");
    writeFileSync(
      configFile,
      [
        `listen: "127.0.0.1:${this.#port}"`,
        `ports_file_dir: ${JSON.stringify(portsDir)}`,
        `log_file: ${JSON.stringify(join(this.#dir, "nats-server.log"))}`,
        `jetstream { store_dir: ${JSON.stringify(this.storeDir)}, sync_interval: always }`,
        this.#config,
      ].join("\n"),
    );
    const run = await runServer({ binary: findNatsServer(), configFile, portsDir, log: silentLog() });
    this.#port = run.port;
    this.#run = run;
  }

  async stop(): Promise<void> {
    await this.#end((run) => run.stop(10_000));
    this.onStop();
  }

  async kill(): Promise<void> {
    await this.#end((run) => run.kill());
  }

  async restart(): Promise<void> {
    await this.#end((run) => run.stop(10_000));
    await this.start();
  }

  async pause(): Promise<void> {
    await pauseProcess(this.#pid);
  }

  resume(): void {
    process.kill(this.#pid, "SIGCONT");
  }

  get #pid(): number {
    if (this.#run === undefined) throw new Error("nats-server does not run");
    return this.#run.pid;
  }

  async #end(how: (run: ServerRun) => Promise<void>): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) await how(run);
  }
}
