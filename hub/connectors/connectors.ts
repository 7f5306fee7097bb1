import { join } from "node:path";
import type { NatsTarget } from "../../shared/nats/target.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { CenterConfig } from "../config.ts";
import type { ConnectorConfig } from "./config.ts";
import { ConnectorCenter } from "./connector-center.ts";
import { createWebhook } from "./webhook/webhook.ts";

interface Running {
  config: string;
  center: ConnectorCenter;
}

/** Runs the connectors that the configuration names, each under the id of its center. */
export class Connectors {
  readonly #options: { target: NatsTarget; dataDir: string; log: Logger };
  readonly #running = new Map<string, Running>();
  #configuring: Promise<void> = Promise.resolve();

  /** `target`: the NATS system of the hub; `dataDir`: the hub's, where each connector gets a folder. */
  constructor(options: { target: NatsTarget; dataDir: string; log: Logger }) {
    this.#options = options;
  }

  /** Starts, replaces and stops connectors until they are as `centers` say. Calls wait for each other. */
  configure(centers: readonly CenterConfig[]): Promise<void> {
    this.#configuring = this.#configuring.then(() => this.#configure(centers));
    return this.#configuring;
  }

  /** Finishes the deliveries in flight. */
  stop(): Promise<void> {
    return this.configure([]);
  }

  async #configure(centers: readonly CenterConfig[]): Promise<void> {
    const wanted = new Map<string, ConnectorConfig>();
    for (const { id, connector } of centers) if (connector !== undefined) wanted.set(id, connector);
    const obsolete = [...this.#running].filter(([id, { config }]) => config !== JSON.stringify(wanted.get(id)));
    await Promise.all(
      obsolete.map(async ([id, { center }]) => {
        await center.stop();
        this.#running.delete(id);
      }),
    );
    for (const [id, config] of wanted) if (!this.#running.has(id)) this.#start(id, config);
  }

  #start(id: string, config: ConnectorConfig): void {
    const { target, dataDir, log } = this.#options;
    const center = new ConnectorCenter({
      id,
      target,
      stateDir: join(dataDir, "connectors", id),
      connector: createWebhook(config.webhook),
      log: log.child({ center: id }),
    });
    this.#running.set(id, { config: JSON.stringify(config), center });
    center.start();
  }
}
