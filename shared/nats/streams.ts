import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "nats";
import type { NatsLink } from "./link.ts";

/** JetStream's err_codes for what is not there. */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const MESSAGE_NOT_FOUND = 10037;
const STORE_TOO_SMALL = 10047;
/** With less than this no stream is worth having. */
const BYTES_MAX_LEAST = 16 * 2 ** 20;

export interface StreamSpec {
  name: string;
  subjects: readonly string[];
  /** What happens at a limit: `new` refuses, `old` makes room. */
  discard: "new" | "old";
  bytesMax?: number;
  messagesPerSubjectMax?: number;
  replicas: number;
  /**
   * All that it holds is kept elsewhere too and comes again from there. Then the server need not sync each write, also
   * with `sync_interval: always`, and the stream is made anew where it cannot be brought to what is wanted.
   */
  isWindow?: boolean;
}

export interface StreamState {
  /** Tells one stream from another of the same name: sequences of the other mean nothing here. */
  createdAt: string;
  firstSeq: number;
  lastSeq: number;
  messages: number;
  bytes: number;
  /** Where it refuses or drops; undefined without a limit. */
  bytesMax: number | undefined;
}

export interface DurableSpec {
  name: string;
  filter: string;
  /** The first sequence to deliver; all that the stream holds without it. */
  startSeq?: number;
  ackWaitMs: number;
  /** How many messages may be out without a message ack. */
  ackPendingMax: number;
}

export interface DurableState {
  name: string;
  /** Everything up to this stream sequence has had its message ack. */
  ackFloorSeq: number;
  ackPending: number;
  /** Messages that were not handed out yet. */
  pending: number;
  /** Pull requests that wait at the server: somebody listens. */
  waiting: number;
}

/** Creates and looks after streams and durables. Each call throws `not_connected` while the link is down. */
export class StreamAdmin {
  readonly #link: NatsLink;
  #manager: { nc: NatsConnection; jsm: Promise<JetStreamManager> } | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /**
   * Creates the stream, or brings the one that is there to the given limits. A server sets the bytes aside, and refuses
   * where its store is too small for them: then the stream takes half as much, or half of that.
   */
  async ensureStream(spec: StreamSpec): Promise<StreamState> {
    const jsm = await this.#jsm();
    let found = await orUndefined(jsm.streams.info(spec.name), STREAM_NOT_FOUND);
    if (found !== undefined && spec.isWindow && syncsLater(found.config) && !syncsLater(streamConfig(spec))) {
      // The one setting here that a server refuses to change. Never a log: what that holds is nowhere else.
      await jsm.streams.delete(spec.name);
      found = undefined;
    }
    for (let wanted = spec; ; wanted = halved(wanted)) {
      if (found !== undefined && !differs(found.config, wanted)) return stateOf(found);
      try {
        if (found === undefined) return stateOf(await jsm.streams.add(streamConfig(wanted)));
        return stateOf(await jsm.streams.update(spec.name, { ...found.config, ...streamConfig(wanted) }));
      } catch (error) {
        if (apiCodeOf(error) !== STORE_TOO_SMALL || (wanted.bytesMax ?? 0) <= BYTES_MAX_LEAST) throw error;
      }
    }
  }

  /** The stream's state, or undefined if there is none of that name. */
  async streamState(name: string): Promise<StreamState | undefined> {
    const jsm = await this.#jsm();
    const info = await orUndefined(jsm.streams.info(name), STREAM_NOT_FOUND);
    return info === undefined ? undefined : stateOf(info);
  }

  /** When the message with that sequence was stored, in milliseconds since 1970; undefined if it is not there. */
  async messageAtMs(stream: string, seq: number): Promise<number | undefined> {
    const jsm = await this.#jsm();
    const message = await orUndefined(jsm.streams.getMessage(stream, { seq }), MESSAGE_NOT_FOUND);
    return message?.time.getTime();
  }

  /** The first message that `filter` matches, and when it was stored, in milliseconds; undefined if there is none. */
  async firstMessage(stream: string, filter: string): Promise<{ seq: number; atMs: number } | undefined> {
    const jsm = await this.#jsm();
    const next = { seq: 1, next_by_subj: filter };
    const message = await orUndefined(jsm.streams.getMessage(stream, next), MESSAGE_NOT_FOUND);
    return message === undefined ? undefined : { seq: message.seq, atMs: message.time.getTime() };
  }

  /** A header of the last message that `filter` matches; undefined if there is no such message, or it has none. */
  async lastHeader(stream: string, filter: string, name: string): Promise<string | undefined> {
    const jsm = await this.#jsm();
    const message = await orUndefined(jsm.streams.getMessage(stream, { last_by_subj: filter }), MESSAGE_NOT_FOUND);
    return message?.header.get(name) || undefined;
  }

  /** Removes every message of the stream that `filter` matches. */
  async purge(stream: string, filter: string): Promise<void> {
    const jsm = await this.#jsm();
    await jsm.streams.purge(stream, { filter });
  }

  /** Removes the messages that `filter` matches up to that sequence, and it; how many it were. */
  async purgeUpTo(stream: string, filter: string, seq: number): Promise<number> {
    const jsm = await this.#jsm();
    return (await jsm.streams.purge(stream, { filter, seq: seq + 1 })).purged;
  }

  async ensureDurable(stream: string, spec: DurableSpec): Promise<void> {
    const jsm = await this.#jsm();
    if (await this.hasDurable(stream, spec.name)) return;
    await jsm.consumers.add(stream, {
      durable_name: spec.name,
      filter_subject: spec.filter,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(spec.ackWaitMs),
      max_ack_pending: spec.ackPendingMax,
      max_deliver: -1,
      ...(spec.startSeq === undefined
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: spec.startSeq }),
    });
  }

  async hasDurable(stream: string, name: string): Promise<boolean> {
    const jsm = await this.#jsm();
    return (await orUndefined(jsm.consumers.info(stream, name), CONSUMER_NOT_FOUND)) !== undefined;
  }

  /** All durables of the stream, by name. */
  async durables(stream: string): Promise<Map<string, DurableState>> {
    const jsm = await this.#jsm();
    const found = new Map<string, DurableState>();
    for await (const info of jsm.consumers.list(stream)) {
      if (info.config.durable_name !== undefined) found.set(info.name, durableState(info));
    }
    return found;
  }

  async deleteDurable(stream: string, name: string): Promise<void> {
    const jsm = await this.#jsm();
    await orUndefined(jsm.consumers.delete(stream, name), CONSUMER_NOT_FOUND);
  }

  #jsm(): Promise<JetStreamManager> {
    const nc = this.#link.connection();
    // Without checkAPI the manager needs no permission beyond what each call names.
    if (this.#manager?.nc !== nc) this.#manager = { nc, jsm: nc.jetstreamManager({ checkAPI: false }) };
    return this.#manager.jsm;
  }
}

/** `persist_mode: async` (ADR-56) came with nats-server 2.12, after the client's types; an older server passes over it. */
type Config = StreamConfig & { persist_mode?: "async" };

function streamConfig(spec: StreamSpec): Partial<Config> & { name: string } {
  return {
    name: spec.name,
    subjects: [...spec.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: spec.discard === "new" ? DiscardPolicy.New : DiscardPolicy.Old,
    max_bytes: spec.bytesMax ?? -1,
    max_msgs_per_subject: spec.messagesPerSubjectMax ?? -1,
    num_replicas: spec.replicas,
    duplicate_window: nanos(120_000),
    allow_direct: true,
    // Replicas are what a stream has instead, and the two exclude each other.
    ...(spec.isWindow && spec.replicas === 1 ? { persist_mode: "async" } : {}),
  };
}

function syncsLater(config: Partial<Config>): boolean {
  return config.persist_mode === "async";
}

function halved(spec: StreamSpec): StreamSpec {
  return spec.bytesMax === undefined ? spec : { ...spec, bytesMax: Math.floor(spec.bytesMax / 2) };
}

function differs(config: StreamConfig, spec: StreamSpec): boolean {
  const wanted = streamConfig(spec);
  return (
    config.subjects.join() !== wanted.subjects?.join() ||
    config.discard !== wanted.discard ||
    config.max_bytes !== wanted.max_bytes ||
    config.max_msgs_per_subject !== wanted.max_msgs_per_subject ||
    config.num_replicas !== wanted.num_replicas
  );
}

function stateOf(info: StreamInfo): StreamState {
  const { first_seq, last_seq, messages, bytes } = info.state;
  const bytesMax = info.config.max_bytes > 0 ? info.config.max_bytes : undefined;
  return { createdAt: String(info.created), firstSeq: first_seq, lastSeq: last_seq, messages, bytes, bytesMax };
}

function durableState(info: ConsumerInfo): DurableState {
  return {
    name: info.name,
    ackFloorSeq: info.ack_floor.stream_seq,
    ackPending: info.num_ack_pending,
    pending: info.num_pending,
    waiting: info.num_waiting,
  };
}

async function orUndefined<T>(promise: Promise<T>, notFoundCode: number): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (apiCodeOf(error) === notFoundCode) return undefined;
    throw error;
  }
}

function apiCodeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}
