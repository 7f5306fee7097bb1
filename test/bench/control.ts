import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Child } from "./child.ts";

/** What a process of the bench can be asked for, by name. */
export type Actions = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers calls of the bench over HTTP at a free port, which it prints. For the process that has something to do. */
export async function serveControl(actions: Actions): Promise<void> {
  const server = createServer((request, response) => {
    void answer(actions, request).then(
      (value) => response.end(JSON.stringify(value ?? null)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.stack : String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log(`control http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

async function answer(actions: Actions, request: IncomingMessage): Promise<unknown> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk as string;
  const action = actions[(request.url ?? "").slice(1)];
  if (action === undefined) throw new Error(`there is no action ${request.url}`);
  return await action(JSON.parse(body) as never);
}

/** The bench's end of a process that serves its control. */
export class Helper {
  readonly pid: number;
  readonly #url: string;

  constructor(child: Child, url: string) {
    this.pid = child.pid;
    this.#url = url;
  }

  /** Has it do something; resolves with what came of it. */
  async call<T>(action: string, argument: unknown = null): Promise<T> {
    const response = await fetch(`${this.#url}/${action}`, { method: "POST", body: JSON.stringify(argument) });
    if (!response.ok) throw new Error(`${action}: ${await response.text()}`);
    return (await response.json()) as T;
  }
}
