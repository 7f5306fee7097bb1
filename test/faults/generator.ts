import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "../../shared/alarm/report.ts";
import { REFUSED_PREFIX } from "./misbehavior.ts";
import type { MqttGenerator } from "./mqtt-generator.ts";
import type { Obligations } from "./obligations.ts";
import type { Random } from "./random.ts";
import { type JudgedCategory, makeReport } from "./reports.ts";
import { SendLoop } from "./send-loop.ts";
import type { AgentName } from "./settings.ts";

/** How many reports go into one request: mostly one, as devices send them, sometimes what a gateway has collected. */
const SIZES = [1, 1, 1, 1, 4, 16, 60] as const;
const ANSWER_MS_MAX = 5_000;
/** What is sent only once is waited for, however busy the machine is. */
const OFFER_MS_MAX = 60_000;
const RETRY_MS = 100;

interface Result {
  status: number;
  id?: string;
  error?: { code: string; message: string };
}

/**
 * A device at one agent. It sends the same reports again until they are answered, as a device does that wants to be
 * sure: what was answered is owed from then on.
 */
export class Generator {
  readonly #agent: AgentName;
  readonly #url: string;
  readonly #random: Random;
  readonly #obligations: Obligations;
  readonly mqtt: MqttGenerator;
  readonly #loop: SendLoop;
  #n = 0;

  constructor(options: {
    agent: AgentName;
    url: string;
    random: Random;
    obligations: Obligations;
    mqtt: MqttGenerator;
  }) {
    this.mqtt = options.mqtt;
    this.#agent = options.agent;
    this.#url = options.url;
    this.#random = options.random;
    this.#obligations = options.obligations;
    this.#loop = new SendLoop({
      random: options.random,
      sizes: SIZES,
      everyMs: [20, 160],
      send: (count) => this.#send(Array.from({ length: count }, () => this.#make())),
    });
  }

  start(): void {
    this.#loop.start();
    this.mqtt.start();
  }

  /** Sends nothing more until `resume`; resolves when nothing is unanswered, nor under way by MQTT. */
  async pause(): Promise<void> {
    await this.#loop.pause();
    await this.mqtt.pause();
  }

  resume(): void {
    this.#loop.resume();
    this.mqtt.resume();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#loop.stop(), this.mqtt.stop()]);
  }

  /** Sends one report of the category that goes to every center; resolves with its id. */
  async sendProbe(): Promise<string> {
    const [id = ""] = await this.#send([this.#make("fire")]);
    return id;
  }

  /** Sends many reports, by 500. */
  async sendMany(count: number, category?: JudgedCategory): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const reports = Array.from({ length: Math.min(500, count - ids.length) }, () => this.#make(category));
      ids.push(...(await this.#send(reports)));
    }
    return ids;
  }

  /** Sends reports that every center refuses. */
  sendRefused(count: number): Promise<string[]> {
    const reports = Array.from({ length: count }, () => this.#make("fire"));
    return this.#send(reports.map((report) => ({ ...report, point: `${REFUSED_PREFIX}${report.point}` })));
  }

  /** Sends reports once, and leaves those that are refused; resolves with the ids of the others. */
  async offer(count: number, category: JudgedCategory): Promise<string[]> {
    const reports = Array.from({ length: count }, () => this.#make(category));
    this.#obligations.sending(reports);
    const ids: string[] = [];
    const results = await this.#post(reports, OFFER_MS_MAX);
    for (const [i, { id }] of (results ?? []).entries()) {
      if (id === undefined) continue;
      this.#obligations.accepted(reports[i] as Report, id);
      ids.push(id);
    }
    return ids;
  }

  #make(category?: JudgedCategory): Report {
    this.#n += 1;
    return makeReport(this.#random, this.#agent, this.#n, category);
  }

  /** Sends reports until each is answered with an id. */
  async #send(reports: readonly Report[]): Promise<string[]> {
    const ids: string[] = [];
    let open = reports;
    while (open.length > 0 && !this.#loop.isStopping) {
      this.#obligations.sending(open);
      const results = await this.#post(open);
      open = open.filter((report, i) => {
        const id = results?.[i]?.id;
        if (id === undefined) return true;
        this.#obligations.accepted(report, id);
        ids.push(id);
        return false;
      });
      if (open.length > 0) await sleep(RETRY_MS);
    }
    return ids;
  }

  /** What each report was answered with; undefined if there was no answer. */
  async #post(reports: readonly Report[], timeoutMs = ANSWER_MS_MAX): Promise<Result[] | undefined> {
    try {
      const response = await fetch(`${this.#url}/v1/alarms`, {
        method: "POST",
        body: JSON.stringify(reports),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer = (await response.json()) as { results?: Result[]; error?: Result["error"] };
      const results = answer.results ?? reports.map(() => ({ status: response.status, error: answer.error }) as Result);
      for (const { id, status, error } of results) if (id === undefined) this.#obligations.refused(status, error);
      return results;
    } catch {
      return undefined;
    }
  }
}
