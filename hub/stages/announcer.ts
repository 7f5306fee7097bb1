import type { NatsLink } from "../../shared/nats/link.ts";
import type { Change, StageMessage } from "../../shared/wire/change.ts";
import { stageSubject } from "../../shared/wire/subjects.ts";
import type { Committed, Ledger } from "../ledger/ledger.ts";

/** A hint stays well under the 1 MiB that a server takes by default. */
const HINT_CHARS_MAX = 512 * 1024;

/**
 * That an alarm is held waits so long for what comes next, which on an idle system is that a center has received it.
 * Both then cost the agent one message and one commit, and neither competes with the alarm itself on its way to the
 * center: with two cores it arrives a tenth sooner.
 */
const HELD_WAIT_MS = 10;

/**
 * Tells agents their changes once they are committed, in their order. A hint that is lost costs nothing but time: the
 * numbers show the gap, and the agent asks.
 */
export class Announcer {
  readonly #ledger: Ledger;
  readonly #link: NatsLink;
  /** What waits, by the name of the agent. */
  readonly #waiting = new Map<string, Change[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: Ledger, link: NatsLink) {
    this.#ledger = ledger;
    this.#link = link;
    ledger.onCommit((committed) => this.#announce(committed));
  }

  /** Tells what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#tellAll();
  }

  #announce({ changes }: Committed): void {
    for (const [agentId, list] of changes) {
      const agent = this.#ledger.names.agentName(agentId);
      const waiting = this.#waiting.get(agent);
      if (waiting === undefined) this.#waiting.set(agent, [...list]);
      else waiting.push(...list);
      if (list.some(({ kind }) => kind !== "held")) this.#tell(agent);
      else this.#timer ??= setTimeout(() => this.#tellAll(), HELD_WAIT_MS);
    }
  }

  #tellAll(): void {
    this.#timer = undefined;
    for (const agent of [...this.#waiting.keys()]) this.#tell(agent);
  }

  #tell(agent: string): void {
    const list = this.#waiting.get(agent) ?? [];
    this.#waiting.delete(agent);
    for (const part of parts(list)) {
      const message: StageMessage = { ledger: this.#ledger.id, run: this.#ledger.run, changes: part };
      this.#link.publishHint(stageSubject(agent), JSON.stringify(message));
    }
  }
}

/** Splits changes so that no message grows too large; in the common case there is one part. */
function* parts(changes: readonly Change[]): Generator<Change[]> {
  let part: Change[] = [];
  let chars = 0;
  for (const change of changes) {
    // A run of sequence numbers takes about 40 characters; texts are bounded by the receipt's schema.
    const size = 200 + change.ids.length * 40 + (change.note?.length ?? 0) * 2 + (change.reason?.length ?? 0) * 2;
    if (part.length > 0 && chars + size > HINT_CHARS_MAX) {
      yield part;
      part = [];
      chars = 0;
    }
    part.push(change);
    chars += size;
  }
  if (part.length > 0) yield part;
}
