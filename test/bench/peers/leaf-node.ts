import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AckPolicy, type Consumer, connect, type JetStreamManager, type NatsConnection } from "nats";
import { findNatsServer } from "../../../hub/broker/find.ts";
import { runServer, type ServerRun } from "../../../hub/broker/server-run.ts";
import { freePort } from "../../helpers/free-port.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { createFolder, removeFolder } from "../folder.ts";

/** How often the servers sync what they have stored. By default every two minutes. */
export type Sync = "always" | "by default";

const STREAM = "ALARMS";
const COPY = "ALARMS_COPY";
const CONSUMER = "center";
const SUBJECT = "alarm.gw-1.low";
/**
 * Messages that the consumer may hold without having acked them. Ten times the default, so that it is never the
 * consumer's own acks that it waits for.
 */
export const ACK_PENDING_MAX = 10_000;

/**
 * A NATS leaf node as its users build it: a stream at the leaf, a stream at the hub that sources it over the leaf
 * connection, a JetStream domain each, and a durable consumer at the hub with explicit acks. One message per alarm.
 */
export class LeafNode {
  readonly #dir = createFolder("leaf");
  readonly #sync: Sync;
  readonly #ports: { hub: number; link: number; leaf: number };
  #hub: ServerRun | undefined;
  #hubManager: JetStreamManager | undefined;
  #leaf: ServerRun | undefined;
  readonly #connections: NatsConnection[] = [];

  private constructor(sync: Sync, ports: { hub: number; link: number; leaf: number }) {
    this.#sync = sync;
    this.#ports = ports;
  }

  /** Starts both servers and waits until the stream at the hub follows that of the leaf. */
  static async start(sync: Sync): Promise<LeafNode> {
    const [hub, link, leaf] = await Promise.all([freePort(), freePort(), freePort()]);
    const pair = new LeafNode(sync, { hub, link, leaf });
    try {
      await pair.startHub();
      pair.#leaf = await pair.#run(
        "leaf",
        `leafnodes { reconnect: 1, remotes: [{ url: "nats://127.0.0.1:${link}" }] }`,
      );
      await pair.#createStreams();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  async startHub(): Promise<void> {
    this.#hub = await this.#run("hub", `leafnodes { listen: "127.0.0.1:${this.#ports.link}" }`);
  }

  async stopHub(): Promise<void> {
    await this.#hub?.stop(10_000);
  }

  /** Resolves with what publishes an alarm into the leaf's stream; that resolves with the PubAck. */
  async publisher(): Promise<(alarm: string) => Promise<unknown>> {
    const stream = (await this.#connect("leaf")).jetstream();
    return (alarm) => stream.publish(SUBJECT, alarm);
  }

  async consumer(): Promise<Consumer> {
    return (await this.#connect("hub")).jetstream().consumers.get(COPY, CONSUMER);
  }

  /** How many messages have come over the leaf connection. */
  async crossed(): Promise<number> {
    this.#hubManager ??= await this.#manager("hub");
    return (await this.#hubManager.streams.info(COPY)).state.messages;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
    await this.#leaf?.stop(10_000);
    await this.#hub?.stop(10_000);
    removeFolder(this.#dir);
  }

  async #createStreams(): Promise<void> {
    const leaf = await this.#manager("leaf");
    await leaf.streams.add({ name: STREAM, subjects: ["alarm.>"] });
    const hub = await this.#manager("hub");
    await hub.streams.add({ name: COPY, sources: [{ name: STREAM, domain: "leaf" }] });
    await hub.consumers.add(COPY, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: ACK_PENDING_MAX,
    });
  }

  async #manager(server: "hub" | "leaf"): Promise<JetStreamManager> {
    return await (await this.#connect(server)).jetstreamManager();
  }

  async #connect(server: "hub" | "leaf"): Promise<NatsConnection> {
    const connection = await connect({ servers: `127.0.0.1:${this.#ports[server]}`, maxReconnectAttempts: -1 });
    this.#connections.push(connection);
    return connection;
  }

  async #run(name: "hub" | "leaf", link: string): Promise<ServerRun> {
    const dir = join(this.#dir, name);
    const portsDir = join(dir, "ports");
    mkdirSync(portsDir, { recursive: true });
    const configFile = join(dir, "nats-server.conf");
    const sync = this.#sync === "always" ? ", sync_interval: always" : "";
    writeFileSync(
      configFile,
      [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${this.#ports[name]}"`,
        `ports_file_dir: ${JSON.stringify(portsDir)}`,
        `jetstream { store_dir: ${JSON.stringify(join(dir, "store"))}, domain: ${name}${sync} }`,
        link,
      ].join("\n"),
    );
    return await runServer({ binary: findNatsServer(), configFile, portsDir, log: silentLog() });
  }
}
