import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, connectAsync, type MqttClient } from "mqtt";
import { type GuardedProcess, killGuarded, spawnGuarded } from "../../../hub/broker/guarded-process.ts";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { MOSQUITTO } from "../../helpers/mosquitto.ts";
import { createFolder, removeFolder } from "../folder.ts";

/**
 * How many messages are under way at once from broker to broker and from the hub's broker to its subscriber. Raised
 * from the default of 20 as a user with a backlog would, so that no hop waits for PUBACKs.
 */
const IN_FLIGHT_MAX = 1_000;
const TOPIC = "alarms/gw-1/low";

type Site = "edge" | "hub";

/** Two Mosquittos, the one at the edge bridging to the one at the hub, with QoS 1, sessions that stay, and persistence. */
export class Bridge {
  readonly #dir = createFolder("bridge");
  readonly #ports: Record<Site, number>;
  readonly #brokers = new Map<Site, GuardedProcess>();
  readonly #clients: MqttClient[] = [];

  private constructor(ports: Record<Site, number>) {
    this.#ports = ports;
  }

  /** Starts both brokers, with a session at the hub for the subscriber that comes later. */
  static async start(): Promise<Bridge> {
    const [edge, hub] = await Promise.all([freePort(), freePort()]);
    const bridge = new Bridge({ edge, hub });
    try {
      await bridge.startHub();
      await bridge.#run("edge");
      await (await bridge.subscriber(() => undefined)).endAsync();
      return bridge;
    } catch (error) {
      await bridge.stop();
      throw error;
    }
  }

  startHub(): Promise<void> {
    return this.#run("hub");
  }

  async stopHub(): Promise<void> {
    await this.#end("hub");
  }

  /** Resolves with what publishes an alarm to the broker at the edge; that resolves with the PUBACK. */
  async publisher(): Promise<(alarm: string) => Promise<unknown>> {
    const client = await this.#connect("edge", "panel", () => undefined);
    return (alarm) => client.publishAsync(TOPIC, alarm, { qos: 1 });
  }

  /** The receiving center. MQTT.js answers each message with a PUBACK once `onAlarm` has returned. */
  async subscriber(onAlarm: (alarm: string) => void): Promise<MqttClient> {
    const client = await this.#connect("hub", "center", onAlarm);
    await client.subscribeAsync(TOPIC, { qos: 1 });
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.endAsync(true);
    await this.#end("edge");
    await this.#end("hub");
    removeFolder(this.#dir);
  }

  async #connect(site: Site, clientId: string, onAlarm: (alarm: string) => void): Promise<MqttClient> {
    const client = connect(`mqtt://127.0.0.1:${this.#ports[site]}`, { clientId, clean: false });
    this.#clients.push(client);
    // What its session holds comes right behind the answer to its connect.
    client.on("message", (_topic, payload) => onAlarm(payload.toString()));
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    return client;
  }

  async #run(site: Site): Promise<void> {
    const dir = join(this.#dir, site);
    mkdirSync(dir, { recursive: true });
    const config = join(dir, "mosquitto.conf");
    writeFileSync(config, this.#config(site, dir));
    const broker = spawnGuarded(MOSQUITTO ?? "", ["-c", config]);
    broker.stdout.resume();
    broker.stderr.resume();
    this.#brokers.set(site, broker);
    await eventually(`mosquitto at the ${site} listens`, async () => {
      const client = await connectAsync(`mqtt://127.0.0.1:${this.#ports[site]}`, { reconnectPeriod: 0 });
      await client.endAsync();
      return true;
    });
  }

  async #end(site: Site): Promise<void> {
    const broker = this.#brokers.get(site);
    this.#brokers.delete(site);
    if (broker === undefined) return;
    const late = setTimeout(() => killGuarded(broker), 10_000);
    const exited = once(broker, "close");
    broker.stdin.end();
    await exited;
    clearTimeout(late);
  }

  #config(site: Site, dir: string): string {
    const lines = [
      `listener ${this.#ports[site]} 127.0.0.1`,
      "allow_anonymous true",
      "persistence true",
      `persistence_location ${dir}/`,
      "max_queued_messages 0",
      `max_inflight_messages ${IN_FLIGHT_MAX}`,
      "set_tcp_nodelay true",
      // Run by root it would become the user mosquitto, to whom the folder does not belong.
      "user root",
    ];
    if (site === "hub") return [...lines, ""].join("\n");
    return [
      ...lines,
      "connection hub",
      `address 127.0.0.1:${this.#ports.hub}`,
      "remote_clientid edge",
      "cleansession false",
      "restart_timeout 1",
      "topic alarms/# out 1",
      "",
    ].join("\n");
  }
}

/** Why there can be no bridge on this machine; undefined if there can. */
export function missingMosquitto(): string | undefined {
  return MOSQUITTO === undefined ? "there is no mosquitto on this machine" : undefined;
}
