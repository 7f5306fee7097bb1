import { isErrorCode, messageOf, RelayError } from "../runtime/errors.ts";

/** What a command needs to reach a process of ours. */
export interface ClientOptions {
  /** `alarm-agent` or `alarm-hub`, for the sentence when nothing answers. */
  process: string;
  url: string;
  timeoutMs?: number;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The HTTP interface of an agent or a hub, as its commands use it. An answer that is an error is thrown as the
 * RelayError that it was; where nothing answers, one sentence says so.
 */
export class ApiClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await (await this.#fetch("GET", path, query)).json()) as T;
  }

  async post<T>(path: string, body?: unknown): Promise<{ status: number; body: T }> {
    const answer = await this.#fetch("POST", path, {}, body);
    return { status: answer.status, body: (await answer.json()) as T };
  }

  async delete(path: string): Promise<void> {
    await this.#fetch("DELETE", path, {});
  }

  /** The lines of a long answer (NDJSON, server-sent events) as they come. */
  async *lines(
    path: string,
    query: Query = {},
    options: { signal?: AbortSignal; headers?: Readonly<Record<string, string>> } = {},
  ): AsyncGenerator<string> {
    const answer = await this.#fetch("GET", path, query, undefined, { signal: null, ...options });
    if (answer.body === null) return;
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of answer.body) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = lines.pop() as string;
      yield* lines;
    }
    if (rest !== "") yield rest;
  }

  async #fetch(
    method: string,
    path: string,
    query: Query,
    body?: unknown,
    options: { signal?: AbortSignal | null; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Response> {
    const { signal, headers = {} } = options;
    const url = new URL(path, this.#options.url);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    let answer: Response;
    try {
      answer = await fetch(url, {
        method,
        headers,
        signal: signal === undefined ? AbortSignal.timeout(this.#options.timeoutMs ?? 30_000) : signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (answer.ok) return answer;
    throw await answeredError(answer);
  }

  #unreachable(error: unknown): RelayError {
    const { url, process: name } = this.#options;
    const timedOut = error instanceof Error && error.name === "TimeoutError";
    if (timedOut) return new RelayError("timeout", `${name} at ${url} did not answer in time`, { cause: error });
    const cause = (error as { cause?: { code?: unknown } }).cause;
    const why =
      cause?.code === "ECONNREFUSED" ? `no ${name} listens at ${url}` : `cannot reach ${url}: ${causeOf(error)}`;
    return new RelayError("not_connected", why, { hint: `start \`${name} run\` or name it with --url`, cause: error });
  }
}

/** `fetch` says only "fetch failed"; the reason lies one level down. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? messageOf(cause) || String((cause as { code?: unknown }).code) : messageOf(error);
}

async function answeredError(answer: Response): Promise<RelayError> {
  type Answered = { error?: { code?: unknown; message?: unknown; details?: { path: string; message: string }[] } };
  const body = (await answer.json().catch(() => ({}))) as Answered;
  const { code, message, details } = body.error ?? {};
  return new RelayError(
    isErrorCode(code) ? code : "internal",
    typeof message === "string" ? message : `${answer.url} answered with status ${answer.status}`,
    { details: details ?? [] },
  );
}
