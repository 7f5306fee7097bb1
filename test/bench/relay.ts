import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../helpers/free-port.ts";
import { type Child, startChild } from "./child.ts";
import { Helper } from "./control.ts";
import { createFolder, removeFolder } from "./folder.ts";

const DIST = fileURLToPath(new URL("../../..", import.meta.url));

/** The agent that a relay has unless others are asked for. */
const AGENT = "gw-1";
/** Laid over an agent's configuration: nobody listens there, so what it accepts stays in its queue. */
export const NO_LINK = { nats: { servers: ["nats://127.0.0.1:1"] } };

export interface BenchRelayOptions {
  /** The broker of the agents' MQTT input; without it they have none. */
  mqttUrl?: string;
  /** A changed copy of the built product. */
  dist?: string;
}

export interface BenchAgent extends Child {
  url: string;
}

/** The processes of one relay, each with its own folder below `dir`; every write is synced, as shipped. */
export class BenchRelay {
  readonly dir = createFolder("relay");
  readonly #mqttUrl: string | undefined;
  readonly #dist: string;
  readonly #natsPort: number;
  readonly #hubPort: number;
  /** By agent: they stay over its restarts. */
  readonly #agentPorts = new Map<string, number>();
  readonly #children: Child[] = [];

  private constructor(options: BenchRelayOptions, ports: { nats: number; hub: number; agent: number }) {
    this.#mqttUrl = options.mqttUrl;
    this.#dist = options.dist ?? DIST;
    this.#natsPort = ports.nats;
    this.#hubPort = ports.hub;
    this.#agentPorts.set(AGENT, ports.agent);
  }

  static async create(options: BenchRelayOptions = {}): Promise<BenchRelay> {
    const [nats, hub, agent] = await Promise.all([freePort(), freePort(), freePort()]);
    return new BenchRelay(options, { nats, hub, agent });
  }

  get natsUrl(): string {
    return `nats://127.0.0.1:${this.#natsPort}`;
  }

  get hubUrl(): string {
    return `http://127.0.0.1:${this.#hubPort}`;
  }

  /** Of the agent `gw-1`. */
  get agentUrl(): string {
    return `http://127.0.0.1:${this.#agentPorts.get(AGENT)}`;
  }

  /** `more` is laid over its configuration. */
  async startHub(centers: readonly string[], more: object = {}): Promise<Child> {
    const config = {
      nats: { embedded: { port: this.#natsPort, dataDir: join(this.dir, "nats") } },
      dataDir: join(this.dir, "hub"),
      http: { listen: `127.0.0.1:${this.#hubPort}` },
      centers: centers.map((id) => ({ id })),
      defaultRoute: { deliver: { to: centers } },
      ...more,
    };
    const hub = this.#start(join(this.#dist, "hub/main.js"), ["run", "-c", this.#file("hub.yaml", config)]);
    await answers(`${this.hubUrl}/readyz`);
    return hub;
  }

  /** `more` is laid over its configuration; another `agent` than gw-1 has its own folder and port. */
  async startAgent(more: { agent?: string; nats?: object; queue?: object } = {}): Promise<BenchAgent> {
    const name = more.agent ?? AGENT;
    const port = this.#agentPorts.get(name) ?? (await freePort());
    this.#agentPorts.set(name, port);
    const config = {
      agent: name,
      dataDir: join(this.dir, name),
      nats: { servers: [this.natsUrl] },
      inputs: {
        http: { listen: `127.0.0.1:${port}` },
        ...(this.#mqttUrl === undefined ? {} : { mqtt: mqttInput(this.#mqttUrl, name) }),
      },
      ...more,
    };
    const agent = this.#start(join(this.#dist, "agent/main.js"), ["run", "-c", this.#file(`${name}.yaml`, config)]);
    const url = `http://127.0.0.1:${port}`;
    await answers(`${url}/readyz`);
    return { ...agent, url };
  }

  /** A stamping one says at its end when its handler had each alarm. */
  async startCenter(id: string, { isStamping = false } = {}): Promise<Child> {
    const script = join(DIST, "bench/test/bench/center.js");
    const center = this.#start(script, [id, this.natsUrl, join(this.dir, id), isStamping ? "stamping" : ""]);
    await center.line(/^listening$/);
    return center;
  }

  /** Starts a process of the bench's own, `processes/<name>.ts`, which is called by name (`serveControl`). */
  async startHelper(name: string, args: readonly string[] = []): Promise<Helper> {
    const child = this.#start(join(DIST, `bench/test/bench/processes/${name}.js`), args);
    return new Helper(child, (await child.line(/^control /)).slice("control ".length));
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) await child.stop();
    removeFolder(this.dir);
  }

  #start(script: string, args: readonly string[]): Child {
    const child = startChild(script, args);
    this.#children.push(child);
    return child;
  }

  #file(name: string, config: object): string {
    const path = join(this.dir, name);
    writeFileSync(path, JSON.stringify(config)); // JSON is YAML.
    return path;
  }
}

function mqttInput(url: string, agent: string): object {
  return {
    url,
    clientId: `alarm-relay-${agent}`,
    subscriptions: [{ topic: "alarms/+/+", levels: "_/account/point" }],
    status: `alarm-relay/${agent}`,
  };
}

async function answers(url: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > endMs) throw new Error(`${url} does not answer`);
    await pause(50);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
