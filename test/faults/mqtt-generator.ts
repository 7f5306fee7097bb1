import { connect, type MqttClient } from "mqtt";
import type { Report } from "../../shared/alarm/report.ts";
import { eventually } from "../helpers/eventually.ts";
import type { Obligations } from "./obligations.ts";
import type { Random } from "./random.ts";
import { makeReport } from "./reports.ts";
import { SendLoop } from "./send-loop.ts";
import { type AgentName, mqttTopic } from "./settings.ts";

/** How many reports go into one message. */
const SIZES = [1, 1, 1, 3] as const;
const FOUND_MS_MAX = 90_000;

/**
 * A device at a broker that an agent listens to, at a modest rate beside the one at its HTTP interface. What the broker
 * has answered with a PUBACK is owed from then on; under which id is found out later.
 */
export class MqttGenerator {
  readonly #agent: AgentName;
  readonly #brokerPort: number;
  readonly #random: Random;
  readonly #obligations: Obligations;
  readonly #findAccepted: () => Promise<void>;
  readonly #loop: SendLoop;
  #client: MqttClient | undefined;
  #n = 0;

  constructor(options: {
    agent: AgentName;
    brokerPort: number;
    random: Random;
    obligations: Obligations;
    /** Finds out what agents have accepted of what the broker took. */
    findAccepted: () => Promise<void>;
  }) {
    this.#agent = options.agent;
    this.#brokerPort = options.brokerPort;
    this.#random = options.random;
    this.#obligations = options.obligations;
    this.#findAccepted = options.findAccepted;
    this.#loop = new SendLoop({
      random: options.random,
      sizes: SIZES,
      everyMs: [50, 350],
      send: (count) => this.#publish(Array.from({ length: count }, () => this.#make())),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Publishes nothing more until `resume`; resolves when the agent has accepted all that the broker took. */
  async pause(): Promise<void> {
    await this.#loop.pause();
    await eventually(
      `${this.#agent} has accepted what the MQTT broker took for it`,
      async () => {
        await this.#findAccepted();
        const open = this.#obligations.handedOverTo(this.#agent);
        if (open.length > 0) throw new Error(`${open.length} are missing, the first is ${open[0]}`);
        return true;
      },
      { timeoutMs: FOUND_MS_MAX, everyMs: 50 },
    );
  }

  resume(): void {
    this.#loop.resume();
  }

  /** Publishes nothing more for good; what is under way is answered first. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#client?.endAsync(true);
  }

  /** Hands over one report of the category that goes to every center; resolves with its id once the agent has it. */
  async sendProbe(): Promise<string> {
    const report = this.#make("fire");
    const { reportId = "" } = report;
    await this.#publish([report]);
    return eventually(
      `${this.#agent} has accepted ${reportId}`,
      async () => {
        await this.#findAccepted();
        return this.#obligations.idOf(reportId);
      },
      { timeoutMs: FOUND_MS_MAX, everyMs: 20 },
    );
  }

  /** Publishes many messages at once; resolves when the broker has answered all of them. */
  async sendBurst(count: number): Promise<void> {
    await this.#loop.beside(Promise.all(Array.from({ length: count }, () => this.#publish([this.#make()]))));
  }

  #make(category?: "fire"): Report {
    this.#n += 1;
    return makeReport(this.#random, `${this.#agent}-mqtt`, this.#n, category);
  }

  /** Resolves at the PUBACK; MQTT.js sends again after each reconnect until it comes. */
  async #publish(reports: readonly Report[]): Promise<void> {
    this.#client ??= connect({
      host: "127.0.0.1",
      port: this.#brokerPort,
      clientId: `judge-${this.#agent}`,
      protocolVersion: 4,
      reconnectPeriod: 200,
    }).on("error", () => undefined);
    this.#obligations.sending(reports);
    const payload = JSON.stringify(reports.length === 1 ? reports[0] : reports);
    await this.#client.publishAsync(mqttTopic(this.#agent), payload, { qos: 1 });
    for (const report of reports) this.#obligations.handedOver(this.#agent, report);
  }
}
