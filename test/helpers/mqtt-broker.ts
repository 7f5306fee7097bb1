import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { MOSQUITTO, writeMosquittoConfig } from "./mosquitto.ts";
import { tempDir, whenTestFinished } from "./temp-dir.ts";

export interface TestBroker {
  readonly url: string;
  /** The only user that the broker takes, where there is one. */
  readonly user?: { username: string; password: string };
  stop(): Promise<void>;
  /** Starts it again on the same port with the sessions that it had. */
  restart(): Promise<void>;
}

/** aedes, a broker in JavaScript, inside the test's process. */
export async function startAedes(): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const unplug = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const stop = async (): Promise<void> => {
    await unplug();
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
  };
  whenTestFinished(stop);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    stop: unplug,
    restart: async () => {
      await unplug();
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
  };
}

/**
 * True if the tests with Mosquitto can run. With ALARM_RELAY_REQUIRE_MOSQUITTO=1 it throws instead of saying no, so that
 * they cannot be skipped unnoticed where they have to run.
 */
export function hasMosquitto(): boolean {
  if (MOSQUITTO === undefined && process.env["ALARM_RELAY_REQUIRE_MOSQUITTO"] === "1") {
    throw new Error("mosquitto is not installed, and ALARM_RELAY_REQUIRE_MOSQUITTO=1 asks for it");
  }
  return MOSQUITTO !== undefined;
}

/** A real Mosquitto that keeps its sessions over a restart and queues without a limit. */
export async function startMosquitto(
  options: { user?: { username: string; password: string } } = {},
): Promise<TestBroker> {
  const dir = tempDir("mosquitto");
  const port = await freePort();
  const config = writeMosquittoConfig(dir, port, options.user);
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, "exit");
    running.kill("SIGTERM");
    await exited;
  };
  const start = async (): Promise<void> => {
    child = spawn(MOSQUITTO ?? "mosquitto", ["-c", config], { stdio: "ignore" });
    await eventually("mosquitto listens", () => answers(port));
  };
  await start();
  whenTestFinished(stop);
  const restart = async (): Promise<void> => {
    await stop();
    await start();
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    ...(options.user === undefined ? {} : { user: options.user }),
    stop,
    restart,
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
