import { NatsLink } from "../shared/nats/link.ts";
import { LogPublisher } from "../shared/nats/publish.ts";
import type { NatsTarget } from "../shared/nats/target.ts";
import { Cleanup } from "../shared/runtime/lifecycle.ts";
import type { Logger } from "../shared/runtime/log.ts";
import { lockDataDir } from "../shared/sqlite/lock.ts";
import { inboxPrefix } from "../shared/wire/subjects.ts";
import type { HealthCheck } from "./api/health.ts";
import { serveAgentApi } from "./api/serve.ts";
import type { AgentConfig } from "./config.ts";
import { createInputs } from "./inputs/create.ts";
import { Queue } from "./queue/queue.ts";
import { Custody } from "./relay/custody.ts";
import { Heartbeat } from "./relay/heartbeat.ts";
import { Relay } from "./relay/relay.ts";

const STOP_TIMEOUT_MS = 10_000;

export interface Agent {
  /**
   * Starts everything and resolves once reports are taken, whether or not the hub can be reached. Throws what an
   * operator has to mend (`data_dir_locked`, `address_in_use`, `store_unsafe`, …), with nothing left running.
   */
  start(): Promise<void>;
  /** Stops in reverse: no more reports, what is under way is answered, the queue is closed. Idempotent. */
  stop(): Promise<void>;
  /** Where the HTTP interface listens; known once it is started. */
  readonly url: string;
  /** The store; known once it is started. */
  readonly queue: Queue;
}

/**
 * The agent of one gateway, put together:
 *
 *     device ─report─▶ input ─accept─▶ queue ─claim─▶ relay ─frame─▶ [ALARMS]
 *     hub ─stage.<agent>, hub.changes─▶ custody ─▶ queue        heartbeat ─▶ presence.<agent>
 */
export function createAgent(config: AgentConfig, options: { log: Logger }): Agent {
  return new AgentProcess(config, options.log);
}

class AgentProcess implements Agent {
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #cleanup: Cleanup;
  #starting: Promise<void> | undefined;
  #queue: Queue | undefined;
  #url: string | undefined;

  constructor(config: AgentConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#cleanup = new Cleanup(log);
  }

  get url(): string {
    if (this.#url === undefined) throw new Error("the agent is not started");
    return this.#url;
  }

  get queue(): Queue {
    if (this.#queue === undefined) throw new Error("the agent is not started");
    return this.#queue;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch(async (error: unknown) => {
      await this.#cleanup.close();
      throw error;
    });
    return this.#starting;
  }

  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    await this.#cleanup.close();
  }

  async #start(): Promise<void> {
    const queue = this.#openQueue();
    const link = this.#connect(this.#config.nats);
    const checks = this.#relay(queue, link);
    await this.#takeReports(queue, checks);
    // Only now: relaying a backlog would keep the first reports waiting.
    link.start();
  }

  #openQueue(): Queue {
    const { agent, custody, dataDir, queue: limits } = this.#config;
    const unlock = lockDataDir(dataDir, "agent");
    this.#cleanup.add("the lock of the data directory", unlock);
    const queue = new Queue({ dataDir, agent, limits, custody, log: this.#log });
    this.#queue = queue;
    this.#cleanup.add("the queue", () => queue.close(), STOP_TIMEOUT_MS);
    queue.start();
    return queue;
  }

  #connect(target: NatsTarget): NatsLink {
    const { agent } = this.#config;
    const name = `alarm-agent ${agent}`;
    const link = new NatsLink({ target, name, inboxPrefix: inboxPrefix("agent", agent), log: this.#log });
    this.#cleanup.add("the link to NATS", () => link.stop(), STOP_TIMEOUT_MS);
    return link;
  }

  /** Starts what speaks with the hub once the link is up; returns what can be wrong with it. */
  #relay(queue: Queue, link: NatsLink): HealthCheck[] {
    const { agent, heartbeatMs } = this.#config;
    const log = this.#log;
    const custody = new Custody({ agent, queue, link, log });
    const onStreamLost = (): void => custody.ask();
    const relay = new Relay({ agent, queue, link, publisher: new LogPublisher(link), onStreamLost, log });
    const heartbeat = new Heartbeat({ agent, queue, link, everyMs: heartbeatMs });
    this.#cleanup.add("the relay", () => relay.stop(), STOP_TIMEOUT_MS);
    this.#cleanup.add("custody", () => custody.stop(), STOP_TIMEOUT_MS);
    this.#cleanup.add("the heartbeat", () => heartbeat.stop());
    custody.start();
    heartbeat.start();
    relay.start();
    return [
      { name: "store", reason: () => queue.fault, isNeededToTakeReports: true },
      { name: "nats", reason: () => link.downReason },
      { name: "hub", reason: () => (link.connected ? custody.trouble : "there is no connection to NATS") },
      { name: "relay", reason: () => (link.connected ? relay.trouble : undefined) },
    ];
  }

  async #takeReports(queue: Queue, checks: readonly HealthCheck[]): Promise<void> {
    const inputs = await createInputs({ config: this.#config, acceptor: queue, stages: queue, log: this.#log });
    serveAgentApi(inputs.http.server, { config: this.#config, reader: queue, inputs, checks });
    for (const input of inputs.all) {
      this.#cleanup.add(`the ${input.name} input`, () => input.stop(), STOP_TIMEOUT_MS);
      await input.start();
    }
    this.#url = inputs.http.url;
    this.#log.info(`agent ${this.#config.agent} takes reports at ${this.#url}`);
  }
}
