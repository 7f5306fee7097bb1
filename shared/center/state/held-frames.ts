import type { SqliteDatabase, Statement } from "../../sqlite/open.ts";

/**
 * Which frames a center holds, by the subjects of their message acks. A killed process gives nothing back: the server
 * would hand its frames out again only after their ack wait. The next process gives them back in its name.
 *
 * What changes in one turn is written together, unsynced: it has to outlive the process, not the machine. A frame that
 * is named here and was answered long ago does no harm, so removals wait for the next write.
 */
export class HeldFramesTable {
  readonly #add: Statement<[string]>;
  readonly #remove: Statement<[string]>;
  readonly #all: Statement<[], { subject: string }>;
  readonly #writeUnsynced: (work: () => void) => void;
  /** True: held since the last write; false: no longer held. */
  readonly #changes = new Map<string, boolean>();
  #soon: NodeJS.Immediate | undefined;

  constructor(db: SqliteDatabase, writeUnsynced: (work: () => void) => void) {
    this.#add = db.prepare("INSERT OR IGNORE INTO frame (subject) VALUES (?)");
    this.#remove = db.prepare("DELETE FROM frame WHERE subject = ?");
    this.#all = db.prepare("SELECT subject FROM frame ORDER BY n");
    this.#writeUnsynced = writeUnsynced;
  }

  hold(subject: string): void {
    this.#changes.set(subject, true);
    this.#soon ??= setImmediate(() => this.flush());
  }

  letGo(subject: string): void {
    if (this.#changes.get(subject) === true) this.#changes.delete(subject);
    else this.#changes.set(subject, false);
  }

  /** What an earlier process held, in the order in which it came; forgotten from now on. */
  takeLeft(): string[] {
    const left = this.#all.all().map(({ subject }) => subject);
    for (const subject of left) this.letGo(subject);
    return left;
  }

  flush(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#changes.size === 0) return;
    try {
      this.#writeUnsynced(() => {
        for (const [subject, isHeld] of this.#changes) (isHeld ? this.#add : this.#remove).run(subject);
      });
    } catch {
      // Without it a frame comes again after its ack wait.
    }
    this.#changes.clear();
  }
}
