import type { Change, ChangesReply, StageMessage } from "../../shared/wire/change.ts";
import type { Position } from "./position.ts";
import type { Stages } from "./stages.ts";

/** Why changes could not be applied, or that they were: all but `applied` ask for the list from the hub. */
export type Application = "applied" | "missed" | "other ledger" | "other run";

/**
 * The hub's numbered list of changes at the edge. A hint is applied only where it continues the list: in another run of
 * the hub than we know its number may have been given again, and only the hub can tell. The answer to our question is the
 * list itself: a new ledger begins it anew, and a number that the hub no longer has is passed over.
 */
export class Changes {
  readonly #position: Position;
  readonly #stages: Stages;

  constructor(parts: { position: Position; stages: Stages }) {
    this.#position = parts.position;
    this.#stages = parts.stages;
  }

  /** Applies a hint. To be called inside a transaction. */
  applyHint(message: StageMessage): Application {
    const { ledger, run, changeN } = this.#position.now;
    if (message.ledger !== ledger) return "other ledger";
    if ((message.run ?? "") !== run) return "other run";
    const news = message.changes.filter((change) => change.n > changeN);
    let next = changeN + 1;
    for (const change of news) if (change.n !== next++) return "missed";
    this.#apply(news);
    return "applied";
  }

  /** Applies an answer of the hub to the question for what came after `since`. To be called inside a transaction. */
  applyReply(reply: ChangesReply, since: number): Application {
    const { ledger, run, ledgerN, changeN } = this.#position.now;
    const { run: newRun = "" } = reply;
    if (reply.ledger !== ledger) {
      this.#position.set({ ledger: reply.ledger, run: newRun, ledgerN: ledgerN + 1, changeN: 0 });
    } else if (newRun !== run) {
      // Late hints of the run before: whether their numbers mean the same in this one was not asked.
      if (changeN !== since) return "other run";
      this.#position.set({ ledger, run: newRun, ledgerN, changeN });
    }
    this.#apply(reply.changes.filter((change) => change.n > this.#position.now.changeN));
    return "applied";
  }

  #apply(changes: readonly Change[]): void {
    const last = changes.at(-1);
    if (last === undefined) return;
    const { now } = this.#position;
    for (const change of changes) this.#stages.apply(change, now.ledgerN);
    this.#position.set({ ...now, changeN: last.n });
  }
}
