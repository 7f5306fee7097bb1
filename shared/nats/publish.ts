import { type JetStreamClient, NatsError, ErrorCode as NatsErrorCode, headers as newHeaders } from "nats";
import { messageOf, RelayError } from "../runtime/errors.ts";
import type { NatsLink } from "./link.ts";

/** JetStream's err_code for a stream at its limit with `discard: new`. */
const STREAM_FULL = 10077;
const PAYLOAD_TOO_LARGE = 10054;

/** Where JetStream stored a message. A PubAck is not custody: the server may still lose it. */
export interface PubAck {
  stream: string;
  seq: number;
  /** The server had seen this msgId within its window of two minutes and stored nothing new. */
  duplicate: boolean;
}

/** Publishes to the logs and waits for the PubAck. */
export class LogPublisher {
  readonly #link: NatsLink;
  #client: JetStreamClient | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
    // A client belongs to one connection, and the link may make a new one.
    link.onConnect(() => {
      this.#client = undefined;
    });
  }

  /**
   * Publishes one message. Throws `not_connected`, `timeout` (the outcome is open: send it again unchanged, with the
   * same msgId), `log_full`, or `body_too_large`.
   */
  async publish(
    subject: string,
    payload: string,
    options: {
      msgId: string;
      headers?: Readonly<Record<string, string>>;
      timeoutMs?: number;
    },
  ): Promise<PubAck> {
    this.#client ??= this.#link.connection().jetstream();
    this.#link.connection();
    const headers = newHeaders();
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    try {
      const publishing = this.#client.publish(subject, payload, {
        msgID: options.msgId,
        headers,
        timeout: options.timeoutMs ?? 5_000,
      });
      const ack = await this.#link.unlessLost(publishing);
      return { stream: ack.stream, seq: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      throw publishError(error, subject);
    }
  }
}

function publishError(error: unknown, subject: string): Error {
  if (!(error instanceof NatsError)) return error instanceof Error ? error : new Error(String(error));
  const apiCode = error.api_error?.err_code;
  if (apiCode === STREAM_FULL)
    return new RelayError("log_full", `the stream behind ${subject} is full`, {
      cause: error,
    });
  if (apiCode === PAYLOAD_TOO_LARGE || error.code === NatsErrorCode.MaxPayloadExceeded) {
    return new RelayError("body_too_large", `a message for ${subject} is larger than the server takes`, {
      cause: error,
    });
  }
  if (error.code === NatsErrorCode.Timeout) {
    return new RelayError("timeout", `no PubAck for ${subject} in time`, {
      cause: error,
    });
  }
  if (error.code === NatsErrorCode.NoResponders) {
    return new RelayError(
      "not_connected",
      `no stream takes ${subject}: the hub has not created it yet, or JetStream is off`,
      {
        cause: error,
      },
    );
  }
  return new RelayError("not_connected", `publishing to ${subject} failed: ${messageOf(error)}`, { cause: error });
}
