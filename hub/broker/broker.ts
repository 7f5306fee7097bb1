import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { lockDataDir } from "../../shared/sqlite/lock.ts";
import { findNatsServer } from "./find.ts";
import { readPortsFile } from "./ports-file.ts";
import { runServer, type ServerRun } from "./server-run.ts";
import { assertServerVersion, serverVersionOf } from "./version.ts";

// The broker of a hub that brings its own: a real nats-server as a child process.
//
//     stopped -start()-> starting -listens-> running -it ends-> waiting (backoff) -> starting ...
//
// It syncs every write, which frames make affordable, and listens on loopback unless told otherwise: its configuration
// knows no users. The port is fixed at the first start and kept over restarts, so that clients find it again. A server
// that a killed hub has left behind ends by itself (see guarded-process.ts); a start waits for it.

export interface BrokerOptions {
  /** 0 = any free port, kept over restarts. */
  port: number;
  host?: string | undefined;
  /** Holds its configuration and its store; taken by one broker at a time. */
  dataDir: string;
  log: Logger;
  /** The most that JetStream may store; three quarters of the free disk unless given. */
  storeBytesMax?: number | undefined;
}

export interface Broker {
  /**
   * Resolves once it listens. Throws `nats_server_missing`, `nats_server_too_old`, `nats_server_failed`,
   * `data_dir_locked`, or `address_in_use` after waiting 10 s for an earlier server to go. Concurrent calls share one start.
   */
  start(): Promise<{ url: string }>;
  /** Ends the server in an orderly way, within 10 s. Idempotent. */
  stop(): Promise<void>;
  /** Where clients on this machine connect. Known once started. */
  readonly url: string;
  /** The process id of nats-server while it runs. */
  readonly pid: number | undefined;
}

const IN_USE_MS_MAX = 10_000;
const STOP_MS_MAX = 10_000;
const BACKOFF_MS_MAX = 10_000;
/** A server that lived this long did not fail at its start: the backoff begins anew. */
const STEADY_MS = 60_000;

/** Makes the embedded broker; nothing happens before `start()`. */
export function createBroker(options: BrokerOptions): Broker {
  return new EmbeddedBroker(options);
}

class EmbeddedBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #log: Logger;
  readonly #host: string;
  readonly #configFile: string;
  readonly #portsDir: string;
  readonly #stopping = new AbortController();
  #port: number;
  #binary = "";
  #run: ServerRun | undefined;
  #starting: Promise<{ url: string }> | undefined;
  #supervising: Promise<void> | undefined;
  #unlock: () => void = () => undefined;

  constructor(options: BrokerOptions) {
    const dataDir = resolve(options.dataDir);
    this.#options = { ...options, dataDir };
    this.#log = options.log;
    this.#host = options.host ?? "127.0.0.1";
    this.#configFile = join(dataDir, "nats-server.conf");
    this.#portsDir = join(dataDir, "ports");
    this.#port = options.port;
  }

  get url(): string {
    const local = this.#host === "0.0.0.0" || this.#host === "::" ? "127.0.0.1" : this.#host;
    return `nats://${local.includes(":") ? `[${local}]` : local}:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#run?.pid;
  }

  start(): Promise<{ url: string }> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => undefined);
    await this.#run?.stop(STOP_MS_MAX);
    await this.#supervising;
    this.#unlock();
  }

  async #start(): Promise<{ url: string }> {
    this.#binary = findNatsServer();
    const version = await serverVersionOf(this.#binary);
    assertServerVersion(version);
    this.#unlock = lockDataDir(this.#options.dataDir, "hub");
    try {
      mkdirSync(this.#portsDir, { recursive: true });
      await this.#waitForEarlierServer();
      this.#run = await this.#launchOnceFree();
    } catch (error) {
      this.#unlock();
      throw error;
    }
    this.#log.info(`nats-server ${version} listens on ${this.url}`);
    this.#supervising = this.#supervise(this.#run);
    return { url: this.url };
  }

  /** Starts the server; while its port is taken, tries again, since an earlier one may still be closing. */
  async #launchOnceFree(): Promise<ServerRun> {
    const endMs = performance.now() + IN_USE_MS_MAX;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#launch();
      } catch (error) {
        if (!(error instanceof RelayError) || error.code !== "address_in_use") throw error;
        if (performance.now() >= endMs) throw inUse(`port ${this.#port} on ${this.#host} is in use`, error);
        if (tries === 0) this.#log.warn(`port ${this.#port} is in use; waiting up to 10 s for it`);
        await this.#pause(250);
      }
    }
  }

  async #launch(): Promise<ServerRun> {
    writeFileSync(this.#configFile, this.#config());
    const run = await runServer({
      binary: this.#binary,
      configFile: this.#configFile,
      portsDir: this.#portsDir,
      log: this.#log,
      signal: this.#stopping.signal,
    });
    if (this.#stopping.signal.aborted) {
      await run.stop(STOP_MS_MAX);
      throw new RelayError("stopping", "the broker is being stopped");
    }
    this.#port = run.port;
    return run;
  }

  #config(): string {
    const { dataDir, storeBytesMax } = this.#options;
    const limit = storeBytesMax === undefined ? "" : `\n  max_file_store: ${storeBytesMax}`;
    // Strings in this format are those of JSON.
    return `# Written by alarm-hub at every start of its embedded nats-server; changes here are lost.
listen: ${JSON.stringify(`${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${this.#port || -1}`)}
server_name: "alarm-relay"
ports_file_dir: ${JSON.stringify(this.#portsDir)}
jetstream {
  store_dir: ${JSON.stringify(join(dataDir, "store"))}
  sync_interval: always${limit}
}
`;
  }

  /** Two servers on one store would destroy it, and nats-server does not lock it: waits until an earlier one is gone. */
  async #waitForEarlierServer(): Promise<void> {
    const endMs = performance.now() + IN_USE_MS_MAX;
    for (let tries = 0; ; tries++) {
      const pid = readPortsFile(this.#portsDir)?.pid;
      if (pid === undefined || !runs(pid, this.#configFile)) return;
      const sentence = `the store in ${this.#options.dataDir} is in use by an earlier nats-server (process ${pid})`;
      if (performance.now() >= endMs) throw inUse(sentence);
      if (tries === 0) this.#log.warn(`${sentence}; waiting up to 10 s for it to end`);
      await this.#pause(100);
    }
  }

  /** Starts the server again whenever it ends, for as long as the broker is not stopped. */
  async #supervise(first: ServerRun): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    for (let run: ServerRun | undefined = first; ; ) {
      if (run !== undefined) {
        const sinceMs = performance.now();
        const status = await run.exited;
        this.#run = undefined;
        if (signal.aborted) return;
        if (performance.now() - sinceMs >= STEADY_MS) failures = 0;
        this.#log.error(`nats-server ended with status ${status}; starting it again`);
      }
      await this.#pause(Math.min(BACKOFF_MS_MAX, 100 * 2 ** failures++)).catch(() => undefined);
      if (signal.aborted) return;
      run = await this.#launchAgain();
    }
  }

  async #launchAgain(): Promise<ServerRun | undefined> {
    try {
      this.#run = await this.#launch();
      this.#log.info(`nats-server listens again on ${this.url}`);
      return this.#run;
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.error(`starting nats-server again: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Sleeps, unless the broker is stopped: then it throws `stopping`. */
  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#stopping.signal });
    } catch (error) {
      throw new RelayError("stopping", "the broker is being stopped", { cause: error });
    }
  }
}

/** True if `pid` is a process that was started with `configFile`, and not a later one that got the same number. */
function runs(pid: number, configFile: string): boolean {
  try {
    return commandLineOf(pid).includes(configFile);
  } catch {
    return false;
  }
}

function commandLineOf(pid: number): string {
  if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  return execFileSync("ps", ["-o", "args=", "-ww", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" });
}

function inUse(sentence: string, cause?: unknown): RelayError {
  return new RelayError("address_in_use", sentence, {
    hint: "stop the process that uses it, or choose another nats.embedded port and dataDir",
    cause,
  });
}
