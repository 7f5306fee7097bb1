import { setTimeout as sleep } from "node:timers/promises";
import { DeliverPolicy } from "nats";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { parseAlarmId, toRanges } from "../../../shared/alarm/identity.ts";
import { PRIORITIES, type Priority } from "../../../shared/alarm/priority.ts";
import { formatTime } from "../../../shared/alarm/time.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import type { Change, ChangesReply, ChangesRequest, StageMessage } from "../../../shared/wire/change.ts";
import { HEADERS } from "../../../shared/wire/headers.ts";
import type { Presence } from "../../../shared/wire/presence.ts";
import { STREAMS, SUBJECTS, stageSubject } from "../../../shared/wire/subjects.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

export interface SeenFrame {
  priority: Priority;
  seqs: number[];
  ids: string[];
  again: boolean;
  streamSeq: number;
}

/**
 * What an agent sees of a hub, by the wire contract alone: it creates ALARMS, follows it, numbers its changes, sends
 * hints and answers the question for changes. A test says what it forgets, holds back, or loses.
 */
export class HubStandIn {
  readonly agent = "gw-1";
  readonly link: NatsLink;
  readonly admin: StreamAdmin;
  readonly frames: SeenFrame[] = [];
  readonly alarms: Alarm[] = [];
  readonly presences: Presence[] = [];
  readonly requests: ChangesRequest[] = [];
  changes: Change[] = [];
  ledger = "ledger-1";
  run = "run-1";
  /** False: an alarm is followed and not held, as if its frame had been lost. */
  holds: (alarm: Alarm) => boolean = () => true;
  /** True: hints get lost. */
  isMute = false;
  /** True: the question for changes is not answered. */
  isDeaf = false;
  /** The most changes of one answer. */
  pageMax = 100;
  followedSeq = 0;
  /** It says that it has followed no further than this. */
  followedSeqMax = Number.MAX_SAFE_INTEGER;
  streamCreatedAt = "";
  readonly #abort = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #followAbort = new AbortController();

  constructor(natsUrl: string) {
    this.link = new NatsLink({
      target: { servers: [natsUrl] },
      name: "hub",
      inboxPrefix: "_INBOX_hub",
      log: silentLog(),
    });
    this.admin = new StreamAdmin(this.link);
  }

  async start(): Promise<this> {
    whenTestFinished(() => this.stop());
    this.link.serve({
      name: "hub",
      version: "1.0.0",
      subject: SUBJECTS.changes,
      handler: (payload) => this.#answer(JSON.parse(payload) as ChangesRequest),
    });
    this.link.subscribe(SUBJECTS.allPresence, (payload) => this.presences.push(JSON.parse(payload) as Presence));
    this.link.start();
    await this.link.waitConnected(10_000);
    await this.createStream();
    this.follow();
    return this;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#followAbort.abort();
    await this.link.stop();
    await this.#following.catch(() => undefined);
  }

  async createStream(bytesMax?: number): Promise<void> {
    const state = await this.admin.ensureStream({
      name: STREAMS.alarms,
      subjects: [SUBJECTS.allAlarms],
      discard: "new",
      replicas: 1,
      ...(bytesMax === undefined ? {} : { bytesMax }),
    });
    this.streamCreatedAt = state.createdAt;
  }

  /** Follows ALARMS from the start, as after a loss. */
  follow(): void {
    this.#followAbort.abort();
    this.#followAbort = new AbortController();
    this.followedSeq = 0;
    this.#following = this.#followFor(this.#followAbort.signal);
  }

  /** Adds a change and sends it as a hint. */
  tell(change: Omit<Change, "n" | "at">): void {
    const numbered = { n: this.changes.length + 1, at: formatTime(Date.now()), ...change };
    this.changes.push(numbered);
    if (this.isMute) return;
    const message: StageMessage = { ledger: this.ledger, run: this.run, changes: [numbered] };
    this.link.publishHint(stageSubject(this.agent), JSON.stringify(message));
  }

  /** A server that has just started may not know its streams yet: then it is asked again. */
  async #followFor(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#abort.signal.aborted) {
      await this.#follow(signal).catch(() => undefined);
      await sleep(20);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const consumer = await this.link
      .connection()
      .jetstream()
      .consumers.get(STREAMS.alarms, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: this.followedSeq + 1,
      });
    // The client waits for that long before it asks anew for a consumer that it was refused; by default 30 s.
    const messages = await consumer.consume({ expires: 1_000 });
    signal.addEventListener("abort", () => messages.stop(), { once: true });
    for await (const message of messages) {
      if (signal.aborted) return;
      const alarms = message.json<Alarm[]>();
      const ids = alarms.map((alarm) => alarm.id);
      this.frames.push({
        priority: message.subject.split(".")[2] as Priority,
        seqs: ids.map((id) => parseAlarmId(id)?.seq ?? 0),
        ids,
        again: message.headers?.has(HEADERS.relayedAgain) === true,
        streamSeq: message.seq,
      });
      this.followedSeq = message.seq;
      const held = alarms.filter((alarm) => this.holds(alarm));
      this.alarms.push(...held);
      const parsed = held.map((alarm) => parseAlarmId(alarm.id)).filter((id) => id !== undefined);
      if (held.length > 0) this.tell({ kind: "held", ids: toRanges(parsed), centers: ["a"] });
    }
  }

  async #answer(request: ChangesRequest): Promise<string> {
    this.requests.push(request);
    if (this.isDeaf) throw new Error("deaf");
    const since = request.ledger === this.ledger ? request.since : 0;
    const news = this.changes.slice(since);
    const followedSeq = Math.min(this.followedSeq, this.followedSeqMax);
    const lanes = Object.fromEntries(PRIORITIES.map((priority) => [priority, followedSeq])) as Record<Priority, number>;
    const reply: ChangesReply = {
      ledger: this.ledger,
      run: this.run,
      changes: news.slice(0, this.pageMax),
      more: news.length > this.pageMax,
      followed: { streamCreatedAt: this.streamCreatedAt, lanes },
    };
    return JSON.stringify(reply);
  }
}
