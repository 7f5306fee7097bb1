import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findNatsServer } from "../../hub/broker/find.ts";
import { eventually } from "../helpers/eventually.ts";
import { openTcpProxy, type TcpProxy } from "../helpers/forwarding-proxy.ts";
import { freePort } from "../helpers/free-port.ts";
import { Broker } from "./broker.ts";
import { CallLog } from "./call-log.ts";
import { steadyNowMs } from "./clock.ts";
import { JudgedProcess, listens, ownProgram } from "./judged-process.ts";
import type { Patch } from "./patch.ts";
import { copyProduct } from "./product.ts";
import { CENTERS, type CenterName } from "./reports.ts";
import {
  AGENTS,
  type AgentName,
  type AgentSettings,
  type Ports,
  writeAgentConfig,
  writeHubConfig,
  writeNatsConfig,
} from "./settings.ts";

export const PROCESSES = ["nats", "hub", ...AGENTS, ...CENTERS] as const;
export type ProcessName = (typeof PROCESSES)[number];
/** Everything but nats-server itself reaches it, and the hub its webhook, through a proxy of its own. */
export const LINKS = ["hub", ...AGENTS, ...CENTERS] as const;
export type LinkName = (typeof LINKS)[number];

const TURN_MS_MAX = 30_000;

/** A whole relay of real processes in one folder, with a handle on everything that can go wrong. */
export class Rig {
  readonly dir: string;
  readonly calls = Object.fromEntries(CENTERS.map((name) => [name, undefined])) as unknown as Record<
    CenterName,
    CallLog
  >;
  /** What ended by itself or was found to be unsafe. */
  readonly troubles: string[] = [];
  /** When the way to the webhook was disturbed: a POST may have arrived although its answer did not. */
  readonly webDisturbedAtMs: number[] = [];
  readonly broker: Broker;
  /** A second way to nats-server, which nobody uses unless its configuration names it. */
  readonly spareLink: TcpProxy;
  /** Agents whose queue was hurt, or put back: what they and the hub say is lost may be. */
  readonly hurtAgents = new Set<AgentName>();
  /** Alarms that were taken out of a queue without a trace. */
  readonly vanished = new Set<string>();
  readonly #processes = new Map<ProcessName, JudgedProcess>();
  readonly #links = new Map<LinkName, TcpProxy>();
  readonly #ports: Ports;
  #generation = 0;

  private constructor(dir: string, ports: Ports, broker: Broker, spareLink: TcpProxy) {
    this.dir = dir;
    this.#ports = ports;
    this.broker = broker;
    this.spareLink = spareLink;
    for (const name of CENTERS) this.calls[name] = new CallLog(this.callLogOf(name));
  }

  /** Sets it up in `dir`, which must be empty, and starts all of it. */
  static async start(dir: string, mutation: readonly Patch[]): Promise<Rig> {
    const [nats, hub, web, one, two] = await Promise.all(Array.from({ length: 5 }, freePort));
    const ports = { nats, hub, web, agents: { "gw-1": one, "gw-2": two } } as Ports;
    for (const name of ["logs", "arm", "evidence", "calls", "fail", "clocks", "stalls"]) mkdirSync(join(dir, name));
    const onCrash = (how: string): void => void rig.troubles.push(`the MQTT broker ended by itself (${how})`);
    const broker = await Broker.start(dir, onCrash);
    const rig: Rig = new Rig(dir, ports, broker, await openTcpProxy(ports.nats));
    const dist = copyProduct(join(dir, "product"), mutation);
    for (const name of LINKS) rig.#links.set(name, await openTcpProxy(name === "web" ? ports.web : ports.nats));
    rig.#define(dist);
    for (const name of PROCESSES) await rig.process(name).start();
    return rig;
  }

  process(name: ProcessName): JudgedProcess {
    return this.#processes.get(name) as JudgedProcess;
  }

  link(name: LinkName): TcpProxy {
    return this.#links.get(name) as TcpProxy;
  }

  get hubUrl(): string {
    return `http://127.0.0.1:${this.#ports.hub}`;
  }

  agentUrl(agent: AgentName): string {
    return `http://127.0.0.1:${this.#ports.agents[agent]}`;
  }

  callLogOf(center: CenterName): string {
    return join(this.dir, "calls", `${center}.ndjson`);
  }

  get natsUrl(): string {
    return `nats://127.0.0.1:${this.#ports.nats}`;
  }

  /** Has a center fail one of so many alarms, the same ones each time, until `letSucceed`. */
  letFail(center: CenterName, oneIn: number): void {
    writeFileSync(this.#failFileOf(center), String(oneIn));
  }

  letSucceed(center: CenterName): void {
    rmSync(this.#failFileOf(center), { force: true });
  }

  /** Restarts an agent, in order, with other settings. */
  async restartWith(agent: AgentName, settings: AgentSettings): Promise<void> {
    this.#writeAgentConfig(agent, settings);
    await this.process(agent).stop();
    await this.process(agent).start();
  }

  /** The way to the webhook is disturbed from now on, or until now. */
  disturbWeb(): void {
    this.webDisturbedAtMs.push(steadyNowMs());
  }

  /** Where an agent, the hub or a center keeps what it has to keep. */
  dataDirOf(name: Exclude<ProcessName, "nats" | "web">): string {
    return join(this.dir, name);
  }

  /** The names of the damaged files that an agent or the hub has set aside. */
  asidesOf(name: "hub" | AgentName): string[] {
    return readdirSync(this.dataDirOf(name)).filter((file) => /\.damaged-[^.]*Z(-\d+)?$/.test(file));
  }

  /** Turns the wall clock of a process by so many milliseconds from the true time, now if it runs and when it starts. */
  async turnClock(name: Exclude<ProcessName, "nats">, byMs: number): Promise<void> {
    const path = join(this.dir, "clocks", name);
    writeFileSync(path, String(byMs));
    if (!this.process(name).isRunning) return;
    await eventually(`the clock of ${name} is turned`, () => readFileSync(`${path}.turned`, "utf8") === String(byMs), {
      timeoutMs: TURN_MS_MAX,
    });
  }

  /** Has a process kill itself when it next comes to a point. */
  arm(name: ProcessName, point: string): void {
    this.process(name).expectEnd();
    writeFileSync(join(this.dir, "arm", name), point);
  }

  disarm(name: ProcessName): void {
    rmSync(join(this.dir, "arm", name), { force: true });
    if (this.process(name).isRunning) this.process(name).expectLife();
  }

  /** Writes a configuration for the hub that routes the same and is another one. */
  changeHubConfig(): string {
    this.#generation += 1;
    const { hub: port } = this.#ports;
    const natsAddress = this.link("hub").address;
    const webAddress = this.link("web").address;
    return writeHubConfig(this.dir, { natsAddress, webAddress, port, generation: this.#generation });
  }

  /** Reads what the centers have written down since the last look. */
  readCalls(): void {
    for (const name of CENTERS) this.calls[name].read();
  }

  /** When a process had not been able to run for a while, in milliseconds since 1970. */
  stalledAtMs(name: ProcessName): number[] {
    const path = join(this.dir, "stalls", name);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
  }

  /** Looks for processes that wrote without syncing. */
  readEvidence(): void {
    for (const name of PROCESSES) {
      const path = join(this.dir, "evidence", name);
      if (existsSync(path)) this.troubles.push(`${name} ran with a store that does not sync its commits (see ${path})`);
    }
  }

  async stop(): Promise<void> {
    for (const name of LINKS) this.link(name).resume();
    for (const name of PROCESSES) this.process(name).signal("SIGCONT");
    // What depends on the others ends first.
    for (const name of [...PROCESSES].reverse()) await this.process(name).stop();
    for (const name of LINKS) await this.link(name).stop();
    await this.spareLink.stop();
    await this.broker.stop();
  }

  #define(dist: string): void {
    const { nats, web } = this.#ports;
    this.#add("nats", [findNatsServer(), "-c", writeNatsConfig(this.dir, nats)], () => listens(nats));
    this.#add("hub", [join(dist, "hub/main.js"), "run", "-c", this.changeHubConfig()], () =>
      answers(`${this.hubUrl}/readyz`),
    );
    for (const agent of AGENTS) {
      const config = this.#writeAgentConfig(agent, {});
      const program: [string, ...string[]] = [join(dist, "agent/main.js"), "run", "-c", config];
      this.#add(agent, program, () => answers(`${this.agentUrl(agent)}/readyz`));
    }
    const library = join(dist, "shared/center/index.js");
    for (const name of CENTERS) {
      if (name === "web") continue;
      const servers = `nats://${this.link(name).address}`;
      // It is ready once it runs; the fresh alarm after each fault shows that it listens.
      const args = [library, name, servers, join(this.dir, name), this.callLogOf(name), this.#failFileOf(name)];
      this.#add(name, [ownProgram("center"), ...args], () => Promise.resolve(true));
    }
    const args = [String(web), this.callLogOf("web"), this.#failFileOf("web")];
    this.#add("web", [ownProgram("webhook"), ...args], () => listens(web));
  }

  #failFileOf(center: CenterName): string {
    return join(this.dir, "fail", center);
  }

  #writeAgentConfig(agent: AgentName, settings: AgentSettings): string {
    return writeAgentConfig(this.dir, agent, this.#ports.agents[agent], {
      natsAddresses: [this.link(agent).address],
      mqttAddress: this.broker.link(agent).address,
      ...settings,
    });
  }

  #add(name: ProcessName, command: [string, ...string[]], isReady: () => Promise<boolean>): void {
    const env = {
      JUDGE_ARM: join(this.dir, "arm", name),
      JUDGE_EVIDENCE: join(this.dir, "evidence", name),
      JUDGE_CLOCK: join(this.dir, "clocks", name),
      JUDGE_STALLS: join(this.dir, "stalls", name),
    };
    const logFile = join(this.dir, "logs", `${name}.log`);
    const onCrash = (how: string): void => void this.troubles.push(`${name} ended by itself (${how}); see ${logFile}`);
    const isNode = name !== "nats";
    this.#processes.set(name, new JudgedProcess({ name, command, isNode, logFile, env, isReady, onCrash }));
  }
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}
