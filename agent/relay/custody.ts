import type { SeqRange } from "../../shared/alarm/identity.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { ChangeLog, type Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import type { ChangesReply, ChangesRequest, Followed, StageMessage } from "../../shared/wire/change.ts";
import { SUBJECTS, stageSubject } from "../../shared/wire/subjects.ts";

const ASK_EVERY_MS = 30_000;
const ANSWER_TIMEOUT_MS = 10_000;

/** All but `applied` says that the hub is to be asked. */
type Application = "applied" | "missed" | "other ledger" | "other run";

/** What custody needs of the queue. */
interface CustodyQueue {
  readonly position: Readonly<{ ledger: string; run: string; changeN: number }>;
  epochs(): SeqRange[];
  sync(): Promise<void>;
  applyHint(message: StageMessage): Promise<Application>;
  applyReply(reply: ChangesReply, since: number): Promise<Application>;
  relayLost(followed: Followed): Promise<void>;
}

export interface CustodyOptions {
  agent: string;
  queue: CustodyQueue;
  link: Pick<NatsLink, "connected" | "subscribe" | "request" | "onConnect">;
  log: Logger;
  askEveryMs?: number;
}

/**
 * Learns from the hub what became of our alarms. Hints on `stage.<agent>` carry numbered changes; where a number is
 * missing, after a reconnect, in a ledger or a run that we do not know, and at a slow pace we ask for the list since our
 * number. Once it is complete, how far the hub has followed each lane says what must be relayed again.
 */
export class Custody {
  readonly #options: CustodyOptions;
  readonly #loop: Loop;
  readonly #hintTrouble: ChangeLog;
  #trouble: string | undefined = "the hub has not answered yet";
  #answeredAtMs: number | undefined;

  constructor(options: CustodyOptions) {
    this.#options = options;
    this.#hintTrouble = new ChangeLog((message) => options.log.warn(message));
    this.#loop = new Loop(() => this.#step(), {
      name: "custody",
      log: options.log,
      idleMs: options.askEveryMs ?? ASK_EVERY_MS,
    });
  }

  start(): void {
    const { agent, link } = this.#options;
    link.subscribe(stageSubject(agent), (payload) => this.#hint(payload));
    link.onConnect(() => this.#loop.poke());
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Asks the hub now. */
  ask(): void {
    this.#loop.poke();
  }

  /** Why the hub does not answer, in words; undefined while it does. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** How long ago the hub answered last; undefined if it never did. */
  get answerAgeMs(): number | undefined {
    return this.#answeredAtMs === undefined ? undefined : performance.now() - this.#answeredAtMs;
  }

  #hint(payload: string): void {
    let message: StageMessage;
    try {
      message = JSON.parse(payload) as StageMessage;
    } catch (error) {
      this.#hintTrouble.say(`a message on ${stageSubject(this.#options.agent)} is not JSON: ${messageOf(error)}`);
      return;
    }
    this.#options.queue.applyHint(message).then(
      (application) => {
        if (application !== "applied") this.#loop.poke();
      },
      (error: unknown) => {
        // Nothing is lost: the number has not moved, so the next hint shows the gap.
        this.#hintTrouble.say(`changes of the hub could not be applied: ${messageOf(error)}`);
      },
    );
  }

  async #step(): Promise<StepResult> {
    const { link, queue } = this.#options;
    if (!link.connected) return "idle";
    try {
      await queue.sync();
      const { ledger, run, changeN: since } = queue.position;
      const reply = await this.#changesSince({ since, ...(ledger === "" ? {} : { ledger, run }) });
      const application = await queue.applyReply(reply, since);
      this.#trouble = undefined;
      this.#answeredAtMs = performance.now();
      if (application !== "applied" || reply.more) return "more";
      if (reply.followed !== undefined) await queue.relayLost(reply.followed);
      return "idle";
    } catch (error) {
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  async #changesSince(known: Pick<ChangesRequest, "ledger" | "run" | "since">): Promise<ChangesReply> {
    const { agent, link, queue } = this.#options;
    const request: ChangesRequest = { agent, epochs: queue.epochs(), ...known };
    const answer = await link.request(SUBJECTS.changes, JSON.stringify(request), ANSWER_TIMEOUT_MS);
    const reply = JSON.parse(answer) as ChangesReply;
    if (!Array.isArray(reply.changes)) throw new RelayError("internal", `${SUBJECTS.changes} gave no list of changes`);
    return reply;
  }
}
