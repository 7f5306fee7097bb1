import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { pino } from "pino";
import { parseAlarmId } from "../alarm/identity.ts";
import { NatsLink } from "../nats/link.ts";
import { LogPublisher } from "../nats/publish.ts";
import { RollCall } from "../nats/roll-call.ts";
import { RelayError } from "../runtime/errors.ts";
import { Cleanup } from "../runtime/lifecycle.ts";
import { ChangeLog, type Logger } from "../runtime/log.ts";
import { validateReceipt } from "../wire/receipt.ts";
import { inboxPrefix, listenerSubject } from "../wire/subjects.ts";
import { type AcknowledgeResult, Acknowledger } from "./acknowledger.ts";
import { Intake } from "./intake.ts";
import { Listeners } from "./listeners.ts";
import { type CenterOptions, type CheckedOptions, checkOptions } from "./options.ts";
import { becomeSoleListener, findRival } from "./sole-listener.ts";
import { MemoryStore } from "./state/memory-store.ts";
import type { OutcomeStore } from "./state/outcome-store.ts";
import { SqliteStore } from "./state/sqlite-store.ts";
import type { AcknowledgedBy, Center, CenterEvents, Handler } from "./types.ts";

/**
 * Connects to NATS as a receiving center. Throws `invalid_config` if the options are not usable, `data_dir_locked` if
 * another process uses the state directory, `not_connected` with the reason if there is no connection in time.
 */
export async function connectCenter(options: CenterOptions): Promise<Center> {
  const checked = checkOptions(options);
  const store = options.stateDir === undefined ? new MemoryStore() : new SqliteStore(options.stateDir);
  const center = new ConnectedCenter(options, checked, store);
  try {
    await center.connect();
  } catch (error) {
    await center.stop();
    throw error;
  }
  return center;
}

const STOP_MS = 10_000;
/** For what follows the handlers at a stop: aborted ones that give up, the last receipts and acknowledgments. */
const LAST_WORDS_MS = 2_000;

class ConnectedCenter implements Center {
  readonly #options: CenterOptions & CheckedOptions;
  readonly #log: Logger;
  readonly #store: OutcomeStore;
  readonly #link: NatsLink;
  readonly #publisher: LogPublisher;
  readonly #acknowledger: Acknowledger;
  readonly #rollCall: RollCall;
  readonly #instance = randomUUID();
  readonly #trouble: ChangeLog;
  readonly #listeners: Listeners;
  /** Aborted when handlers shall give up; the signal of every delivery. */
  readonly #givingUp = new AbortController();
  #intake: Intake | undefined;
  #isListening = false;
  #stopping: Promise<void> | undefined;

  constructor(options: CenterOptions, checked: CheckedOptions, store: OutcomeStore) {
    const { id, target } = checked;
    this.#options = { ...options, ...checked };
    this.#store = store;
    this.#log = options.log ?? silentLog();
    this.#listeners = new Listeners(this.#log);
    this.#trouble = new ChangeLog((message) => this.#reportTrouble(new Error(message)));
    this.#link = new NatsLink({
      target,
      name: `alarm-center ${id}`,
      inboxPrefix: inboxPrefix("center", id),
      log: this.#log,
    });
    this.#publisher = new LogPublisher(this.#link);
    this.#acknowledger = new Acknowledger({
      center: id,
      link: this.#link,
      publisher: this.#publisher,
      store,
      onWithdrawn: (alarmId) => this.#listeners.tell("withdrawn", alarmId),
      log: this.#log,
    });
    this.#rollCall = new RollCall(this.#link, listenerSubject(id), this.#instance);
    // Every handler may listen to it.
    setMaxListeners(0, this.#givingUp.signal);
  }

  async connect(): Promise<void> {
    const { signal, connectTimeoutMs } = this.#options;
    signal?.addEventListener("abort", () => void this.stop(), { once: true });
    if (signal?.aborted === true) throw stopped();
    this.#link.start();
    this.#acknowledger.start();
    if (connectTimeoutMs > 0) await Promise.race([this.#link.waitConnected(connectTimeoutMs), this.#stopped()]);
    this.#link.onConnect(() => this.#listeners.tell("connected"));
    this.#link.onDisconnect(() =>
      this.#listeners.tell("disconnected", this.#link.downReason ?? "the connection was lost"),
    );
  }

  async listen(handler: Handler): Promise<void> {
    if (this.#isListening) throw new RelayError("wrong_use", "listen was called before on this center");
    this.#isListening = true;
    const { id, concurrency, share } = this.#options;
    try {
      this.#rollCall.join(this.#log);
      await this.#connected();
      if (share !== true) await this.#becomeSoleListener();
      if (this.#stopping !== undefined) throw stopped();
    } catch (error) {
      this.#rollCall.leave();
      this.#isListening = false;
      throw error;
    }
    this.#rollCall.establish();
    this.#intake = new Intake({
      center: id,
      link: this.#link,
      publisher: this.#publisher,
      store: this.#store,
      concurrency,
      isSole: share !== true,
      handler,
      signal: this.#givingUp.signal,
      acknowledge: (alarmId, by) => this.acknowledge(alarmId, by),
      onTrouble: (error) => this.#trouble.say(error.message),
      log: this.#log,
    });
    if (this.#store.damage !== undefined) this.#trouble.say(this.#store.damage);
    this.#intake.start();
    if (share !== true) this.#link.onConnect(() => void this.#lookForRival());
  }

  async acknowledge(id: string, by: AcknowledgedBy): Promise<AcknowledgeResult> {
    if (this.#stopping !== undefined && this.#intake === undefined) throw stopped();
    checkAcknowledgment(id, by);
    return await this.#acknowledger.acknowledge(id, by.operator, by.note);
  }

  stop(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.timeoutMs ?? STOP_MS);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  on<E extends keyof CenterEvents>(event: E, listener: CenterEvents[E]): this {
    this.#listeners.add(event, listener);
    return this;
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#rollCall.leave();
    const intake = this.#intake;
    if (intake !== undefined) {
      const drained = intake.drain();
      if (!(await endsWithin(drained, timeoutMs))) {
        this.#givingUp.abort(stopped());
        await endsWithin(drained, LAST_WORDS_MS);
      }
      await intake.flush(LAST_WORDS_MS);
      intake.close();
    }
    this.#givingUp.abort(stopped());
    this.#intake = undefined;
    await this.#acknowledger.flush(LAST_WORDS_MS);
    const cleanup = new Cleanup(this.#log);
    cleanup.add("the state directory", () => this.#store.close());
    cleanup.add("the connection", () => this.#link.stop());
    cleanup.add("acknowledgments", () => this.#acknowledger.stop());
    await cleanup.close();
  }

  /** Waits for the connection, however long it takes, unless the center is stopped. */
  #connected(): Promise<void> {
    return Promise.race([new Promise<void>((resolve) => this.#link.onConnect(resolve)), this.#stopped()]);
  }

  /** Rejects with `stopping` when the center is stopped. */
  #stopped(): Promise<never> {
    const { signal } = this.#givingUp;
    return new Promise((_, reject) => {
      if (signal.aborted) reject(stopped());
      signal.addEventListener("abort", () => reject(stopped()), { once: true });
    });
  }

  async #becomeSoleListener(): Promise<void> {
    for (;;) {
      try {
        await becomeSoleListener(this.#rollCall, this.#options.id, this.#instance);
        return;
      } catch (error) {
        // A link that was lost in the middle says nothing about others: ask again when it is back.
        if (this.#link.connected || this.#stopping !== undefined) throw error;
        await this.#connected();
      }
    }
  }

  async #lookForRival(): Promise<void> {
    const rival = await findRival(this.#rollCall, this.#options.id);
    if (rival !== undefined && this.#stopping === undefined) this.#trouble.say(rival.message);
  }

  #reportTrouble(error: Error): void {
    this.#log.error(error.message);
    this.#listeners.tell("error", error);
  }
}

/** Throws `bad_request` if the hub would not take this acknowledgment. */
function checkAcknowledgment(id: string, { operator, note }: AcknowledgedBy): void {
  if (parseAlarmId(id) === undefined) {
    throw new RelayError("bad_request", `${JSON.stringify(id)} is not the id of an alarm`);
  }
  const receipt = {
    type: "acknowledged",
    alarms: [id],
    at: "2000-01-01T00:00:00Z",
    operator,
    ...(note === undefined ? {} : { note }),
  };
  const checked = validateReceipt(receipt);
  if (checked.ok) return;
  const [detail] = checked.details;
  throw new RelayError(
    "bad_request",
    `the acknowledgment cannot be sent: ${detail?.path.slice(1)} ${detail?.message}`,
    {
      details: checked.details,
    },
  );
}

function stopped(): RelayError {
  return new RelayError("stopping", "the center was stopped");
}

function silentLog(): Logger {
  return pino({ level: "silent" }, { write: () => undefined });
}

/** True if the promise ends in time. */
async function endsWithin(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
