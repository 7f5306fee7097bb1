import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openTcpProxy, type TcpProxy } from "../helpers/forwarding-proxy.ts";
import { freePort } from "../helpers/free-port.ts";
import { MOSQUITTO, writeMosquittoConfig } from "../helpers/mosquitto.ts";
import { JudgedProcess, listens, ownProgram } from "./judged-process.ts";
import { AGENTS, type AgentName } from "./settings.ts";

/**
 * The MQTT broker of the sites, with each agent's way to it. It is not ours and not judged: what it promises by itself
 * (Mosquitto: nothing over a SIGKILL, all that it has answered over an orderly end) is all that faults may ask of it.
 */
export class Broker {
  /** True if it keeps what it has answered over an orderly end. */
  readonly keeps = MOSQUITTO !== undefined;
  readonly process: JudgedProcess;
  readonly port: number;
  readonly #links: Readonly<Record<AgentName, TcpProxy>>;

  private constructor(port: number, process: JudgedProcess, links: Record<AgentName, TcpProxy>) {
    this.port = port;
    this.process = process;
    this.#links = links;
  }

  static async start(rigDir: string, onCrash: (how: string) => void): Promise<Broker> {
    const dir = join(rigDir, "mqtt");
    mkdirSync(dir);
    const port = await freePort();
    const command: [string, ...string[]] =
      MOSQUITTO === undefined
        ? [ownProgram("aedes"), String(port)]
        : [MOSQUITTO, "-c", writeMosquittoConfig(dir, port)];
    const process = new JudgedProcess({
      name: "mqtt",
      command,
      isNode: MOSQUITTO === undefined,
      logFile: join(rigDir, "logs", "mqtt.log"),
      isReady: () => listens(port),
      onCrash,
    });
    await process.start();
    const links = await Promise.all(AGENTS.map(async (agent) => [agent, await openTcpProxy(port)] as const));
    return new Broker(port, process, Object.fromEntries(links) as Record<AgentName, TcpProxy>);
  }

  /** The way of an agent to it. */
  link(agent: AgentName): TcpProxy {
    return this.#links[agent];
  }

  async stop(): Promise<void> {
    await this.process.stop();
    for (const agent of AGENTS) await this.#links[agent].stop();
  }
}
