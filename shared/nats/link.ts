import { setTimeout as sleep } from "node:timers/promises";
import { connect, DebugEvents, Events, type NatsConnection, NatsError, ErrorCode as NatsErrorCode } from "nats";
import { messageOf, RelayError } from "../runtime/errors.ts";
import { ChangeLog, type Logger } from "../runtime/log.ts";
import { DialWatch } from "./dial-watch.ts";
import { OpenAnswers } from "./open-answers.ts";
import { connectionOptions, type NatsTarget } from "./target.ts";
import { permissionHint, reasonOf } from "./trouble.ts";
import { withoutUserInfo } from "./user-info.ts";

export interface LinkOptions {
  target: NatsTarget;
  /** Shown in the server's connection list. */
  name: string;
  inboxPrefix: string;
  log: Logger;
}

type MessageHandler = (payload: string, subject: string) => void;
type RequestHandler = (payload: string) => Promise<string>;

const FIRST_CONNECT_MS_MAX = 5_000;

/**
 * One connection to NATS that never gives up. Before the first connect it tries by itself, so that an agent may
 * start before its broker exists and refused credentials are reported in words; afterwards the client reconnects
 * for ever, with jitter, and notices a half-open link after 2 unanswered pings (14 to 21 s).
 *
 * Nothing is left to the client's pending buffer: `connection()` throws `not_connected` while the link is down, and
 * whoever wants to send keeps what it has.
 */
export class NatsLink {
  readonly #options: LinkOptions;
  readonly #log: Logger;
  readonly #trouble: ChangeLog;
  readonly #subscriptions: { subject: string; handler: MessageHandler }[] = [];
  readonly #services: {
    name: string;
    version: string;
    subject: string;
    handler: RequestHandler;
  }[] = [];
  readonly #connectListeners: (() => void)[] = [];
  readonly #disconnectListeners: (() => void)[] = [];
  readonly #stopping = new AbortController();
  readonly #answers = new OpenAnswers();
  #nc: NatsConnection | undefined;
  #connected = false;
  #reason = "not connected yet";
  #running: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = { ...options, target: withoutUserInfo(options.target) };
    this.#log = options.log;
    this.#trouble = new ChangeLog((message) => options.log.warn(message));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Why the link is down, in words; undefined while it is up. */
  get downReason(): string | undefined {
    return this.#connected ? undefined : this.#reason;
  }

  /** The version of the server, or undefined while the link is down. */
  get serverVersion(): string | undefined {
    return this.#connected ? this.#nc?.info?.version : undefined;
  }

  /** The most bytes that the server takes in one message; 1 MiB until it is known. */
  get payloadBytesMax(): number {
    return this.#nc?.info?.max_payload ?? 2 ** 20;
  }

  /** Begins to connect and returns at once. Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Called after every connect and reconnect. */
  onConnect(listener: () => void): void {
    this.#connectListeners.push(listener);
    if (this.#connected) listener();
  }

  /** Called when the link goes down. */
  onDisconnect(listener: () => void): void {
    this.#disconnectListeners.push(listener);
  }

  /** Resolves once the link is up; rejects with `not_connected` and the reason after `timeoutMs`. */
  async waitConnected(timeoutMs: number): Promise<void> {
    if (this.#connected) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#notConnected()), timeoutMs);
      this.onConnect(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** The client's connection, for the other files of this adapter. Throws `not_connected` while the link is down. */
  connection(): NatsConnection {
    if (!this.#connected || this.#nc === undefined) throw this.#notConnected();
    return this.#nc;
  }

  /** Settles as `answer` does, but rejects with `timeout` as soon as the connection is lost. */
  unlessLost<T>(answer: Promise<T>): Promise<T> {
    return this.#answers.wait(answer);
  }

  /** Publishes on core NATS: a hint that may be lost. False if the link is down. */
  publishHint(subject: string, payload: string): boolean {
    if (!this.#connected || this.#nc === undefined) return false;
    this.#nc.publish(subject, payload);
    return true;
  }

  /** Subscribes on core NATS, for as long as the link lives. */
  subscribe(subject: string, handler: MessageHandler): void {
    this.#subscriptions.push({ subject, handler });
    if (this.#nc !== undefined) this.#subscribeNow(this.#nc, subject, handler);
  }

  /** Answers requests at `subject` by the NATS services protocol (ADR-32), for as long as the link lives. */
  serve(service: { name: string; version: string; subject: string; handler: RequestHandler }): void {
    this.#services.push(service);
    if (this.#nc !== undefined) void this.#serveNow(this.#nc, service);
  }

  /** Asks and waits for one answer. Throws `not_connected` (also when nobody answers there) or `timeout`. */
  async request(subject: string, payload: string, timeoutMs: number): Promise<string> {
    try {
      const reply = await this.unlessLost(this.connection().request(subject, payload, { timeout: timeoutMs }));
      const serviceError = reply.headers?.get("Nats-Service-Error");
      if (serviceError) throw new RelayError("internal", `${subject} answered: ${serviceError}`);
      return reply.string();
    } catch (error) {
      if (error instanceof NatsError && error.code === NatsErrorCode.Timeout) {
        throw new RelayError("timeout", `no answer at ${subject} within ${timeoutMs} ms`, { cause: error });
      }
      if (error instanceof NatsError && error.code === NatsErrorCode.NoResponders) {
        throw new RelayError("not_connected", `nobody answers at ${subject}`, {
          cause: error,
        });
      }
      throw error;
    }
  }

  /** Measures one round trip to the server, in milliseconds. */
  roundTripMs(): Promise<number> {
    return this.connection().rtt();
  }

  /** Sends what was published, then closes. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const nc = this.#nc;
    if (nc !== undefined && !nc.isClosed()) {
      // drain() flushes; on a link that is down it would wait for the reconnect.
      await (this.#connected ? nc.drain() : nc.close()).catch(() => nc.close());
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let delayMs = 250;
    while (!signal.aborted) {
      try {
        const nc = await connect(connectionOptions(this.#options));
        delayMs = 250;
        if (signal.aborted) return await nc.close();
        await this.#live(nc);
      } catch (error) {
        this.#reason = reasonOf(error, this.#options.target);
        this.#trouble.say(this.#reason);
      }
      if (signal.aborted) return;
      await sleep(delayMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      delayMs = Math.min(FIRST_CONNECT_MS_MAX, delayMs * 2);
    }
  }

  /** The life of one client connection, over all its reconnects, until it is closed. */
  async #live(nc: NatsConnection): Promise<void> {
    this.#nc = nc;
    for (const { subject, handler } of this.#subscriptions) this.#subscribeNow(nc, subject, handler);
    for (const service of this.#services) await this.#serveNow(nc, service);
    this.#up(nc);
    // The client does not end this iteration when the connection closes, so nothing waits for it.
    const dials = new DialWatch(() => void nc.close());
    void this.#watch(nc, dials);
    const error = await nc.closed();
    dials.stop();
    this.#down(error instanceof Error ? messageOf(error) : "the connection was closed");
  }

  async #watch(nc: NatsConnection, dials: DialWatch): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === Events.Disconnect) {
        dials.expectDial();
        this.#down(`the connection to ${String(status.data)} was lost`);
      } else if (status.type === DebugEvents.Reconnecting) dials.expectDial();
      else if (status.type === Events.Reconnect) {
        dials.stop();
        this.#up(nc);
      } else if (status.type === Events.Error) this.#trouble.say(permissionHint(String(status.data)));
      else if (status.type === DebugEvents.StaleConnection) this.#trouble.say("the server does not answer pings");
    }
  }

  #up(nc: NatsConnection): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#trouble.clear();
    this.#log.info(`connected to NATS ${nc.info?.version ?? ""} at ${nc.getServer()}`);
    for (const listener of this.#connectListeners) listener();
  }

  #down(reason: string): void {
    this.#reason = reason;
    if (!this.#connected) return;
    this.#connected = false;
    if (!this.#stopping.signal.aborted) this.#trouble.say(reason);
    this.#answers.lost();
    for (const listener of this.#disconnectListeners) listener();
  }

  #subscribeNow(nc: NatsConnection, subject: string, handler: MessageHandler): void {
    nc.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) this.#trouble.say(permissionHint(messageOf(error)));
        else handler(message.string(), message.subject);
      },
    });
  }

  async #serveNow(
    nc: NatsConnection,
    service: {
      name: string;
      version: string;
      subject: string;
      handler: RequestHandler;
    },
  ): Promise<void> {
    const added = await nc.services.add({
      name: service.name,
      version: service.version,
    });
    added.addEndpoint(service.subject.replaceAll(".", "-"), {
      subject: service.subject,
      handler: (error, message) => {
        if (error !== null) return;
        service.handler(message.string()).then(
          (answer) => message.respond(answer),
          (failure: unknown) => {
            this.#log.warn(`a request at ${service.subject} failed: ${messageOf(failure)}`);
            message.respondError(500, messageOf(failure));
          },
        );
      },
    });
  }

  #notConnected(): RelayError {
    return new RelayError("not_connected", `no connection to NATS: ${this.#reason}`);
  }
}
