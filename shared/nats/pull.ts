import { createInbox, type Msg, type NatsConnection, type Subscription } from "nats";
import type { Logger } from "../runtime/log.ts";
import { ChangeLog } from "../runtime/log.ts";
import { HEADERS } from "../wire/headers.ts";
import type { NatsLink } from "./link.ts";

/** One message pulled from a durable; ours until it is acked, given back or terminated. */
export interface PulledMessage {
  /**
   * What it carries. Not kept: while the message is held, a text of 256 KiB would move into the old generation of the
   * heap, and most of what fills that one were these.
   */
  payload(): string;
  bytes: number;
  contentType: string | undefined;
  /** Where its message ack goes: it names this delivery of the message for as long as the durable lives. */
  ackSubject: string;
  /** How often the server has handed it out, from 1. */
  deliveryCount: number;
  /** The message ack: the server forgets it. */
  ack(): void;
  /** Asks for another ack wait. */
  working(): void;
  /** Gives it back: the server hands it out again at once. */
  giveBack(): void;
  /** The server shall not hand it out again. */
  terminate(reason: string): void;
}

export interface DurablePullOptions {
  link: NatsLink;
  stream: string;
  durable: string;
  inboxPrefix: string;
  onMessage: (message: PulledMessage) => void;
  /** Told at every answer of the server whether the durable is missing; then it is asked for again and again. */
  onMissing: (isMissing: boolean) => void;
  log: Logger;
}

const EXPIRES_MS = 5_000;
/** A request of which nothing was heard this long after its expiry was lost on the way. */
const GRACE_MS = 1_000;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 1_000;
/** What may be held: two messages of any size, or more of them while they are small. */
const HELD_MESSAGES_MIN = 2;
const HELD_MESSAGES_MAX = 32;
const HELD_BYTES_MAX = 256 * 1024;
/** The most bytes that one request may bring. A message that is larger by itself is asked for alone. */
const REQUEST_BYTES_MAX = 512 * 1024;

/**
 * Pulls one durable with a request that always waits at the server, so that an idle lane delivers the moment a
 * message is stored. A request may bring many small messages, which makes a distant server as fast as a near one.
 *
 * It speaks the pull protocol (`$JS.API.CONSUMER.MSG.NEXT`) itself and needs no permission beyond that subject. The
 * client's own `consume()` does not come back when a durable vanished; here every request stands alone: whatever
 * ends it (its last message, its expiry, a lost connection, a durable that is gone or not made yet), the next follows.
 */
export class DurablePull {
  readonly #options: DurablePullOptions;
  readonly #subject: string;
  readonly #inbox: string;
  readonly #trouble: ChangeLog;
  #nc: NatsConnection | undefined;
  #subscription: Subscription | undefined;
  #held = 0;
  #heldBytes = 0;
  /** The request that waits at the server, under the number that its inbox carries. */
  #waiting: { inbox: string; remaining: number; received: number } | undefined;
  #requests = 0;
  #isNextOversize = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS_FIRST;
  #state: "new" | "pulling" | "stopped" = "new";

  constructor(options: DurablePullOptions) {
    this.#options = options;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.durable}`;
    this.#inbox = createInbox(options.inboxPrefix);
    this.#trouble = new ChangeLog((message) => options.log.warn(message));
  }

  /** Begins to pull as soon as the link is up. Idempotent. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "pulling";
    this.#options.link.onDisconnect(() => this.#settle());
    this.#options.link.onConnect(() => this.#connected());
  }

  /** A message of this size is no longer held: there is room for another. */
  release(bytes: number): void {
    this.#held--;
    this.#heldBytes -= bytes;
    this.#request();
  }

  /**
   * Pulls nothing more; messages that are held stay answerable. The request that may still wait at the server is
   * withdrawn, so that what is given back goes to somebody else. Idempotent.
   */
  stop(): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#settle();
    // A message that is on its way now still comes, and is given back at once instead of after its ack wait.
    if (this.#options.link.connected) this.#subscription?.drain().catch(() => undefined);
    else this.#subscription?.unsubscribe();
  }

  #connected(): void {
    if (this.#state !== "pulling") return;
    const nc = this.#options.link.connection();
    if (nc !== this.#nc) {
      this.#nc = nc;
      this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
        callback: (error, message) => {
          if (error === null) this.#onReply(message);
          else this.#trouble.say(`${this.#options.durable}: ${error.message}`);
        },
      });
    }
    this.#settle();
    this.#request();
  }

  #hasRoom(): boolean {
    if (this.#held < HELD_MESSAGES_MIN) return true;
    return this.#held < HELD_MESSAGES_MAX && this.#heldBytes < HELD_BYTES_MAX;
  }

  #request(): void {
    if (this.#state !== "pulling" || this.#waiting !== undefined || !this.#hasRoom()) return;
    if (!this.#options.link.connected || this.#nc === undefined) return;
    const batch = this.#isNextOversize ? 1 : HELD_MESSAGES_MAX - this.#held;
    const inbox = `${this.#inbox}.${++this.#requests}`;
    const request = {
      batch,
      expires: EXPIRES_MS * 1e6,
      ...(this.#isNextOversize ? {} : { max_bytes: REQUEST_BYTES_MAX }),
    };
    this.#waiting = { inbox, remaining: batch, received: 0 };
    this.#nc.publish(this.#subject, JSON.stringify(request), { reply: inbox });
    this.#again(EXPIRES_MS + GRACE_MS);
  }

  /** The request has ended, or nothing can be expected of it any more. */
  #settle(): void {
    clearTimeout(this.#timer);
    this.#waiting = undefined;
  }

  #again(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#settle();
      this.#request();
    }, afterMs);
  }

  #onReply(message: Msg): void {
    const status = message.headers?.code ?? 0;
    if (status !== 0) {
      // Only a status comes under the inbox as its subject; one of an earlier request says nothing about this one.
      if (message.subject === this.#waiting?.inbox) this.#onStatus(status, message.headers?.description ?? "");
      return;
    }
    if (this.#state === "stopped") {
      message.respond(NAK);
      return;
    }
    this.#healthy();
    this.#isNextOversize = false;
    this.#held++;
    this.#heldBytes += message.data.length;
    if (this.#waiting !== undefined) {
      this.#waiting.received++;
      if (--this.#waiting.remaining === 0) this.#settle();
    }
    this.#request();
    this.#options.onMessage(pulledMessage(message));
  }

  #onStatus(status: number, description: string): void {
    const { durable } = this.#options;
    if (status === STATUS.idleHeartbeat) return;
    const isFull = status === STATUS.conflict && /maxbytes/i.test(description);
    if (isFull || status === STATUS.expired || status === STATUS.noMessages) {
      this.#healthy();
      this.#isNextOversize = isFull && this.#waiting?.received === 0;
      this.#settle();
      this.#request();
      return;
    }
    const isMissing = status === STATUS.noResponders || /deleted/i.test(description);
    if (isMissing) this.#options.onMissing(true);
    else this.#trouble.say(`${status} ${description} from the durable ${durable}`);
    this.#again(this.#retryMs);
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
  }

  #healthy(): void {
    this.#trouble.clear();
    this.#options.onMissing(false);
    this.#retryMs = RETRY_MS_FIRST;
  }
}

const STATUS = { idleHeartbeat: 100, noMessages: 404, expired: 408, conflict: 409, noResponders: 503 } as const;
const text = new TextEncoder();
const ACK = text.encode("+ACK");
const WORKING = text.encode("+WPI");
const NAK_TEXT = "-NAK";
const NAK = text.encode(NAK_TEXT);

function pulledMessage(message: Msg): PulledMessage {
  return {
    payload: () => message.string(),
    bytes: message.data.length,
    contentType: contentTypeOf(message),
    ackSubject: message.reply ?? "",
    deliveryCount: deliveryCountOf(message.reply ?? ""),
    ack: () => void message.respond(ACK),
    working: () => void message.respond(WORKING),
    giveBack: () => void message.respond(NAK),
    terminate: (reason) => void message.respond(text.encode(`+TERM ${reason}`)),
  };
}

/** Gives back a message that a process held which is no more. Without a connection it comes after its ack wait. */
export function giveBackLeft(link: NatsLink, ackSubject: string): void {
  link.publishHint(ackSubject, NAK_TEXT);
}

/** Header names are compared without case: other publishers follow the CloudEvents binding's own spelling. */
function contentTypeOf(message: Msg): string | undefined {
  const { headers } = message;
  if (headers === undefined) return undefined;
  const found = headers.keys().find((key) => key.toLowerCase() === HEADERS.contentType.toLowerCase());
  return found === undefined ? undefined : headers.get(found) || undefined;
}

/**
 * The delivery count out of a message ack's subject, in both of its forms:
 * `$JS.ACK.<stream>.<consumer>.<count>...` and `$JS.ACK.<domain>.<account>.<stream>.<consumer>.<count>...`.
 */
function deliveryCountOf(reply: string): number {
  const tokens = reply.split(".");
  const count = Number(tokens[tokens.length === 9 ? 4 : 6]);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}
