import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

type Mode = "forward" | "cut" | "half-open";

/** A TCP proxy between a client and a server that can spoil the link in the ways that real links are spoiled. */
export interface TcpProxy {
  readonly port: number;
  /** `host:port`, to put behind a scheme. */
  readonly address: string;
  /** Ends every connection and refuses new ones. */
  cut(): void;
  /** Forwards nothing more and closes nothing: what a lost radio link or a dropped NAT entry looks like. */
  halfOpen(): void;
  /** Delays every byte by `latencyMs` in each direction, in order. 0 ends it. */
  slow(latencyMs: number): void;
  /** Forwards again. What `halfOpen` held back is sent on; what `cut` ended stays ended. */
  resume(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1 to `targetPort` of the same. */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new ForwardingProxy(server, targetPort);
}

class ForwardingProxy implements TcpProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  #mode: Mode = "forward";
  #latencyMs = 0;
  #resumed = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on("connection", (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.resume();
    this.#mode = "cut";
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  halfOpen(): void {
    if (this.#mode === "half-open") return;
    this.#mode = "half-open";
    this.#resumed = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  slow(latencyMs: number): void {
    this.#latencyMs = latencyMs;
  }

  resume(): void {
    this.#mode = "forward";
    this.#wake();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    if (this.#mode === "cut") {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true });
    this.#forward(client, upstream);
    this.#forward(upstream, client);
  }

  /** Copies one direction. Chunks wait in a chain of promises, so that a changed latency never reorders them. */
  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    let tail = Promise.resolve();
    const later = (act: () => void): void => {
      const dueMs = performance.now() + this.#latencyMs;
      tail = tail.then(() => this.#pass(dueMs)).then(act);
    };
    from.on("data", (chunk: Buffer) => {
      later(() => {
        if (to.writable) to.write(chunk);
      });
    });
    from.on("end", () => later(() => to.end()));
    from.on("error", () => later(() => to.destroy()));
    from.on("close", () => {
      this.#sockets.delete(from);
      later(() => to.end());
    });
  }

  async #pass(dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await this.#resumed;
  }
}
