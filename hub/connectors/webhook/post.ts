import { messageOf, RelayError } from "../../../shared/runtime/errors.ts";
import { VERSION } from "../../../shared/runtime/version.ts";
import type { WebhookConfig } from "../config.ts";
import type { HttpAnswer } from "./answer.ts";
import { type Message, signatureHeaders } from "./message.ts";

/** What a receiver may answer; the rest is not read. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** POSTs one message and reads the answer. Throws `timeout` or `not_connected`, with the reason in words. */
export async function post(config: WebhookConfig, message: Message, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, secrets, headers, timeoutMs } = config;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "user-agent": `alarm-relay/${VERSION}`,
        ...headers,
        ...message.headers,
        ...signatureHeaders(message, secrets, new Date()),
      },
      body: message.body,
      // A redirected POST may become a GET, and the signature was not made for another host.
      redirect: "manual",
      signal: AbortSignal.any([timeout, signal]),
    });
    return { status: answer.status, body: await readBody(answer) };
  } catch (error) {
    if (timeout.aborted) throw new RelayError("timeout", `no answer within ${timeoutMs} ms`, { cause: error });
    throw new RelayError("not_connected", `cannot be reached: ${reasonOf(error)}`, { cause: error });
  }
}

async function readBody(answer: Response): Promise<string> {
  if (answer.body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString("utf8");
}

/** `fetch` says only "fetch failed"; the reason lies one level down. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  if (!(cause instanceof Error)) return messageOf(error);
  return messageOf(cause) || String((cause as { code?: unknown }).code);
}
