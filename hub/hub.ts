import { setTimeout as sleep } from "node:timers/promises";
import { NatsLink } from "../shared/nats/link.ts";
import type { NatsTarget } from "../shared/nats/target.ts";
import { messageOf, RelayError } from "../shared/runtime/errors.ts";
import { aborted, Cleanup } from "../shared/runtime/lifecycle.ts";
import type { Logger } from "../shared/runtime/log.ts";
import { lockDataDir } from "../shared/sqlite/lock.ts";
import { inboxPrefix } from "../shared/wire/subjects.ts";
import { createApi } from "./api/api.ts";
import { createBroker } from "./broker/broker.ts";
import type { HubConfig } from "./config.ts";
import { HubCore } from "./core.ts";
import { createHousekeeping } from "./housekeeping.ts";
import { openLedger } from "./ledger/open-ledger.ts";
import { openLedgerReader } from "./ledger/read/reader.ts";
import { createHubMetrics, type HubMetrics } from "./metrics.ts";

/** How long `start()` waits for a broker that is there already; after that the hub goes on trying by itself. */
const FIRST_CONNECT_MS = 5_000;
const START_AGAIN_MS = 5_000;

export interface Hub {
  /**
   * Resolves once the hub serves: with an embedded broker when it dispatches, with external servers also when these
   * cannot be reached yet. Throws an operating error that the caller can print. Concurrent calls share one start.
   */
  start(): Promise<void>;
  /** Where the HTTP interface listens. Known once started. */
  readonly url: string;
  /** Finishes what is in flight and stops all of it. Idempotent. */
  stop(): Promise<void>;
  /** Takes over the centers and routes of `config`; all else stays until the next start. */
  reload(config: HubConfig): Promise<void>;
}

export function createHub(config: HubConfig, options: { log: Logger }): Hub {
  return new RunningHub(config, options.log);
}

class RunningHub implements Hub {
  #config: HubConfig;
  readonly #log: Logger;
  #cleanup: Cleanup;
  #stopping = new AbortController();
  #isStopped = false;
  #rebuilding: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #core: HubCore | undefined;
  #url = "";

  constructor(config: HubConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#cleanup = new Cleanup(log);
  }

  get url(): string {
    return this.#url;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch(async (error: unknown) => {
      await this.stop();
      throw error;
    });
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopping.abort();
    await this.#rebuilding;
    await this.#cleanup.close();
  }

  async reload(config: HubConfig): Promise<void> {
    await this.#core?.configure(config);
    this.#config = config;
  }

  /**
   * The ledger was found damaged while it was in use: all of the hub stops and starts anew with a ledger that is built
   * from the logs and the agents. Nothing that was accepted depends on this one file.
   */
  async #rebuild(damage: string): Promise<void> {
    this.#log.error(`the ledger is damaged, the hub starts anew: ${damage}`);
    let found: string | undefined = damage;
    const replaced = (): void => {
      found = undefined;
    };
    while (!this.#isStopped) {
      this.#stopping.abort();
      await this.#cleanup.close();
      this.#cleanup = new Cleanup(this.#log);
      this.#stopping = new AbortController();
      try {
        if (!this.#isStopped) await this.#start(found, replaced);
        return;
      } catch (error) {
        this.#log.error(`the hub could not start anew: ${messageOf(error)}`);
        await sleep(START_AGAIN_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** `damage` tells how the ledger that is there was found damaged; `onReplaced` that it was set aside. */
  async #start(damage?: string, onReplaced?: () => void): Promise<void> {
    const { dataDir } = this.#config;
    this.#cleanup.add("the data directory", lockDataDir(dataDir, "hub"));
    const metrics = createHubMetrics();
    const ledger = await openLedger(dataDir, { observer: metrics, log: this.#log, damage });
    onReplaced?.();
    this.#cleanup.add("the ledger", () => ledger.close());
    ledger.store.onDamaged((reason) => {
      // A turn later: it is found in the middle of a transaction.
      setImmediate(() => {
        this.#rebuilding = this.#rebuild(reason);
      });
    });
    const { target, replicas } = await this.#broker();
    this.#assertNotStopped();
    const link = new NatsLink({ target, name: "alarm-hub", inboxPrefix: inboxPrefix("hub", "main"), log: this.#log });
    this.#cleanup.add("the connection to NATS", () => link.stop());
    const { signal } = this.#stopping;
    const core = new HubCore({ ledger, link, target, dataDir, replicas, log: this.#log, signal });
    this.#core = core;
    const housekeeping = createHousekeeping(ledger, { keepClosedMs: this.#config.keepClosedMs, log: this.#log });
    this.#cleanup.add("housekeeping", () => housekeeping.stop());
    housekeeping.start();
    this.#cleanup.add("the flow of alarms", () => core.stop(), 20_000);
    await this.#serve(core, metrics);
    link.start();
    await Promise.race([
      link.waitConnected(FIRST_CONNECT_MS).catch((error: unknown) => this.#log.warn(messageOf(error))),
      aborted(this.#stopping.signal),
    ]);
    this.#assertNotStopped();
    const begun = core.start(() => this.#config);
    if (link.connected) await begun;
    else begun.catch((error: unknown) => this.#log.error(`the hub cannot begin: ${messageOf(error)}`));
  }

  /** A stop may overtake the start wherever that waits. */
  #assertNotStopped(): void {
    if (this.#stopping.signal.aborted) throw new RelayError("stopping", "the hub was stopped while it started");
  }

  /** Opens the HTTP interface, before the first connection: a hub without its broker can say so. */
  async #serve(core: HubCore, metrics: HubMetrics): Promise<void> {
    const { ledger } = core;
    const reader = openLedgerReader({
      path: ledger.path,
      run: ledger.run,
      subscribe: (listener) => ledger.onCommit(({ changes }) => changes.size > 0 && listener()),
    });
    this.#cleanup.add("the reader of the ledger", () => reader.close());
    const status = core.status(() => this.#config.centers);
    const { listen } = this.#config.http;
    const api = createApi({ config: { listen }, reader, commands: core.commands, status, metrics, log: this.#log });
    this.#cleanup.add("the HTTP interface", () => api.stop());
    this.#url = (await api.start()).url;
  }

  /** The NATS system to use: the one that the configuration names, or a server of our own. */
  async #broker(): Promise<{ target: NatsTarget; replicas: number }> {
    const { nats } = this.#config;
    if (nats.kind === "servers") return { target: nats.target, replicas: nats.replicas };
    const broker = createBroker({ ...nats.embedded, log: this.#log.child({ part: "nats-server" }) });
    this.#cleanup.add("nats-server", () => broker.stop(), 15_000);
    const { url } = await broker.start();
    return { target: { servers: [url] }, replicas: 1 };
  }
}
