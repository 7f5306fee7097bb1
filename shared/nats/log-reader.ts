import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, nanos } from "nats";
import { RelayError } from "../runtime/errors.ts";
import type { NatsLink } from "./link.ts";

/** One message of a log. */
export interface LogMessage {
  subject: string;
  seq: number;
  /** When the server stored it, in milliseconds since 1970. */
  atMs: number;
  payload: string;
  /** How many messages of the log lie behind this one. */
  pending: number;
  header(name: string): string | undefined;
}

export interface LogReaderOptions {
  stream: string;
  filter: string;
  /** Begin with the first message after this sequence. */
  afterSeq: number;
  signal: AbortSignal;
}

export interface OpenLog {
  /** How many messages there were to read when it was opened. */
  pending: number;
  messages: AsyncGenerator<LogMessage>;
}

/**
 * What one request may bring beyond one message of the largest size. It arrives faster than it is applied, and what
 * another reader of the same connection waits for comes behind it.
 */
const PULL_BYTES = 64 * 1024;
const PULL_EXPIRES_MS = 5_000;
const INACTIVE_MS = 60_000;

/**
 * Reads a log in order through an ephemeral consumer of its own, from `afterSeq` on and without end. The consumer
 * sequence counts what was sent to us: where it does not continue, something was missed, and the read ends with an
 * error instead of going on past the hole. Whoever reads then checks the stream and begins anew from its position.
 *
 * This is what an ordered consumer does, except that nothing is restarted behind the reader's back: the client's own
 * keeps its cursor over a stream that was created anew, and skips its first messages.
 */
export async function openLog(link: NatsLink, options: LogReaderOptions): Promise<OpenLog> {
  const nc = link.connection();
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const info = await jsm.consumers.add(options.stream, {
    filter_subject: options.filter,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: options.afterSeq + 1,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    num_replicas: 1,
  });
  const consumer = await nc.jetstream().consumers.get(options.stream, info.name);
  const forget = async (): Promise<void> => {
    // The server would forget it by itself; a link that is down leaves it to that.
    if (link.connected) await jsm.consumers.delete(options.stream, info.name).catch(() => undefined);
  };
  const bytesMax = link.payloadBytesMax + PULL_BYTES;
  return { pending: info.num_pending, messages: pull(consumer, bytesMax, options.signal, forget) };
}

async function* pull(
  consumer: Consumer,
  bytesMax: number,
  signal: AbortSignal,
  forget: () => Promise<void>,
): AsyncGenerator<LogMessage> {
  let consumerSeq = 0;
  let isNextOversize = false;
  try {
    while (!signal.aborted) {
      const before = consumerSeq;
      const request = isNextOversize ? { max_messages: 1 } : { max_bytes: bytesMax };
      isNextOversize = false;
      for await (const message of fetchOnce(consumer, request, signal)) {
        if (message.info.deliverySequence !== ++consumerSeq) {
          throw new RelayError("not_connected", `messages of ${message.info.stream} were missed on the way`);
        }
        yield logMessage(message);
      }
      if (consumerSeq !== before || signal.aborted) continue;
      // A quiet log and a consumer that has vanished look alike: ask. Throws if it is gone. What is there and did not
      // come was stored when the server took larger messages than now.
      isNextOversize = (await consumer.info()).num_pending > 0;
    }
  } finally {
    await forget();
  }
}

async function* fetchOnce(
  consumer: Consumer,
  request: { max_bytes: number } | { max_messages: number },
  signal: AbortSignal,
): AsyncGenerator<JsMsg> {
  const batch = await consumer.fetch({ ...request, expires: PULL_EXPIRES_MS });
  const stop = (): void => batch.stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const message of batch) {
      if (signal.aborted) return;
      yield message;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function logMessage(message: JsMsg): LogMessage {
  return {
    subject: message.subject,
    seq: message.seq,
    atMs: Math.floor(message.info.timestampNanos / 1e6),
    payload: message.string(),
    pending: message.info.pending,
    header: (name) => message.headers?.get(name) || undefined,
  };
}
