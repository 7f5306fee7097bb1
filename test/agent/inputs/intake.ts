import { serveAgentApi } from "../../../agent/api/serve.ts";
import { loadAgentConfig } from "../../../agent/config.ts";
import { createInputs, type Inputs } from "../../../agent/inputs/create.ts";
import { Queue } from "../../../agent/queue/queue.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

export interface TestIntake {
  url: string;
  queue: Queue;
  inputs: Inputs;
  stop(): Promise<void>;
}

/** The agent without its relay: a real queue, the inputs of a configuration, and the HTTP interface. */
export async function startIntake(options: { config?: object; dataDir?: string } = {}): Promise<TestIntake> {
  const yaml = {
    agent: "gw-1",
    dataDir: options.dataDir ?? tempDir("queue"),
    nats: { servers: ["nats://127.0.0.1:4222"] },
    inputs: { http: { listen: "127.0.0.1:0" } },
    ...options.config,
  };
  const config = loadAgentConfig({ text: JSON.stringify(yaml), env: {} });
  const log = silentLog();
  const queue = new Queue({
    agent: config.agent,
    dataDir: config.dataDir,
    limits: config.queue,
    custody: config.custody,
    log,
  });
  queue.start();
  const inputs = await createInputs({ config, acceptor: queue, stages: queue, log });
  serveAgentApi(inputs.http.server, { config, reader: queue, inputs, checks: [] });
  for (const input of inputs.all) await input.start();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= Promise.all(inputs.all.map((input) => input.stop())).then(() => queue.close());
    return stopped;
  };
  whenTestFinished(stop);
  return { url: inputs.http.url, queue, inputs, stop };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
  body: any;
}

/** Sends a request and reads the answer as JSON. A body that is no string or bytes is written as JSON. */
export async function call(url: string, init: Omit<RequestInit, "body"> & { body?: unknown } = {}): Promise<Answer> {
  const { body } = init;
  const raw = typeof body === "string" || body instanceof Uint8Array || body === undefined;
  const answer = await fetch(url, {
    ...init,
    body: raw ? ((body as string | Uint8Array | undefined) ?? null) : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === "" ? undefined : JSON.parse(text) };
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return call(`${url}/v1/alarms`, { method: "POST", body, headers });
}
