import { setTimeout as sleep } from "node:timers/promises";
import { type Center, connectCenter, type Delivery } from "../../shared/center/index.ts";
import type { NatsTarget } from "../../shared/nats/target.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { ChangeLog, type Logger } from "../../shared/runtime/log.ts";
import type { Connector } from "./connector.ts";

const LISTEN_AGAIN_MS = 5_000;

/**
 * Listens as a center and hands what it gets to a connector. It remembers outcomes in a folder of its own, as every
 * center with a `stateDir` does, so that a restart of the hub POSTs nothing twice whose answer it has seen.
 */
export class ConnectorCenter {
  readonly #options: { id: string; target: NatsTarget; stateDir: string; connector: Connector; log: Logger };
  readonly #stopping = new AbortController();
  #center: Center | undefined;
  #running: Promise<void> | undefined;

  constructor(options: { id: string; target: NatsTarget; stateDir: string; connector: Connector; log: Logger }) {
    this.#options = options;
  }

  /** Begins to listen, and goes on trying until it does. Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Finishes the deliveries in flight. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#center?.stop();
  }

  async #run(): Promise<void> {
    const { id, log } = this.#options;
    const trouble = new ChangeLog((message) => log.warn(`the connector of ${id} does not listen: ${message}`));
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#listen();
        return;
      } catch (error) {
        if (signal.aborted) return;
        trouble.say(messageOf(error));
        await sleep(LISTEN_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #listen(): Promise<void> {
    const { id, target, stateDir, connector, log } = this.#options;
    const { servers, credentialsFile, user, password, tls } = target;
    const center = await connectCenter({
      id,
      servers,
      credentialsFile,
      user,
      password,
      tls,
      stateDir,
      concurrency: connector.concurrency,
      connectTimeoutMs: 0,
      log,
    });
    const stop = (): void => void center.stop();
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    try {
      if (this.#stopping.signal.aborted) throw new Error("stopped");
      await center.listen((delivery) => handOver(connector, delivery));
      this.#center = center;
    } catch (error) {
      await center.stop();
      throw error;
    } finally {
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }
}

async function handOver(connector: Connector, delivery: Delivery): Promise<void> {
  const answer = await connector.deliver(delivery);
  if (answer.kind === "rejected") await delivery.reject(answer.reason);
  else if (answer.acknowledged !== undefined) await delivery.acknowledge(answer.acknowledged);
}
