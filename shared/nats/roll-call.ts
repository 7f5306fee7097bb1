import { type Msg, type NatsConnection, RequestStrategy } from "nats";
import { messageOf } from "../runtime/errors.ts";
import type { Logger } from "../runtime/log.ts";
import type { NatsLink } from "./link.ts";

/** Who answers at a subject. */
export interface Present {
  /** A random id of the process's own. */
  instance: string;
  /** It is at work, not only asking. */
  established: boolean;
}

/**
 * Everybody who is present under one subject answers there, so that a second one is noticed. A request may come from
 * anybody; one that carries our own instance is ours, and we keep silent.
 */
export class RollCall {
  readonly #link: NatsLink;
  readonly #subject: string;
  readonly #self: Present;
  #hasJoined = false;
  #isPresent = false;
  /** Who has asked since our last question. */
  #asked: Present[] = [];

  constructor(link: NatsLink, subject: string, instance: string) {
    this.#link = link;
    this.#subject = subject;
    this.#self = { instance, established: false };
  }

  /** Answers from now on, over all reconnects. Idempotent. */
  join(log: Logger): void {
    this.#isPresent = true;
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    let subscribed: NatsConnection | undefined;
    this.#link.onConnect(() => {
      const nc = this.#link.connection();
      // The client itself renews its subscriptions when it reconnects.
      if (nc === subscribed) return;
      subscribed = nc;
      nc.subscribe(this.#subject, {
        callback: (error, message) => {
          if (error === null) this.#answer(message);
          else log.warn(`no listening at ${this.#subject}: ${error.message}`);
        },
      });
    });
  }

  /** Answers no more. */
  leave(): void {
    this.#isPresent = false;
  }

  /** From now on our answers say that we are at work. */
  establish(): void {
    this.#self.established = true;
    this.#asked = [];
  }

  /**
   * All others who answer within `waitMs`, or ask meanwhile: one that joined just after our question went out does not
   * answer it. Throws `not_connected` while the link is down.
   */
  async others(waitMs: number): Promise<Present[]> {
    this.#asked = [];
    const answers = await this.#link.connection().requestMany(this.#subject, JSON.stringify(this.#self), {
      strategy: RequestStrategy.Timer,
      maxWait: waitMs,
    });
    const answered: Present[] = [];
    try {
      for await (const answer of answers) {
        const present = presentOf(answer.string());
        if (present !== undefined && present.instance !== this.#self.instance) answered.push(present);
      }
    } catch (error) {
      // Nobody at all is there to answer.
      if (!/no responders|503/i.test(messageOf(error))) throw error;
    }
    return [...answered, ...this.#asked];
  }

  #answer(question: Msg): void {
    const asker = presentOf(question.string());
    if (!this.#isPresent || asker?.instance === this.#self.instance) return;
    if (asker !== undefined && !this.#self.established) this.#asked.push(asker);
    question.respond(JSON.stringify(this.#self));
  }
}

function presentOf(payload: string): Present | undefined {
  try {
    const found = JSON.parse(payload) as Partial<Present> | null;
    if (typeof found?.instance !== "string") return undefined;
    return { instance: found.instance, established: found.established === true };
  } catch {
    return undefined;
  }
}
