import { damaged } from "../../shared/sqlite/damage.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/**
 * The streams that ALARMS has been, as the hub has told: a sequence of one says nothing about another. PubAcks carry no
 * identity, so each is filed under the stream that the hub named last. One filed under the old stream although the new
 * one gave it is relayed once too often, which the hub's record of seen alarms absorbs; the other way round cannot be.
 */
export class Streams {
  readonly #set: Statement<[string]>;
  readonly #adopt: Statement<[string, number]>;
  #current: { id: number; createdAt: string };
  #committed: { id: number; createdAt: string };

  constructor(db: SqliteDatabase) {
    this.#set = db.prepare("INSERT INTO stream (created_at) VALUES (?)");
    this.#adopt = db.prepare("UPDATE stream SET created_at = ? WHERE id = ?");
    const newest = db.prepare("SELECT id, created_at AS createdAt FROM stream ORDER BY id DESC LIMIT 1").get();
    if (newest === undefined) throw damaged("the queue", "the stream that it relays to is gone");
    this.#current = newest as { id: number; createdAt: string };
    this.#committed = this.#current;
  }

  /** Under which PubAcks are filed now. */
  get currentId(): number {
    return this.#current.id;
  }

  /** The hub follows the stream of this creation time; its id. To be called inside a transaction. */
  follow(createdAt: string): number {
    if (createdAt === this.#current.createdAt) return this.#current.id;
    if (this.#current.createdAt === "") {
      this.#adopt.run(createdAt, this.#current.id);
      this.#current = { ...this.#current, createdAt };
    } else this.#begin(createdAt);
    return this.#current.id;
  }

  /**
   * A PubAck has shown that the stream is another one, or an older state of itself: what it had acknowledged before
   * says nothing any more. The hub names the one that is there. To be called inside a transaction.
   */
  distrust(): void {
    this.#begin("");
  }

  #begin(createdAt: string): void {
    this.#current = { id: Number(this.#set.run(createdAt).lastInsertRowid), createdAt };
  }

  commit(): void {
    this.#committed = this.#current;
  }

  rollback(): void {
    this.#current = this.#committed;
  }
}
