import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** A file that was set aside as damaged, and what became of its alarms. */
export interface Damage {
  id: number;
  file: string;
  /** What was wrong with it, in words. */
  reason: string;
  /** Alarms that are in the queue again, under their old ids. */
  saved: number;
  /** Those among them whose stages could not be read: they are relayed again. */
  rebuilt: number;
  /** Alarms that are lost, or may be. */
  lost: number;
  /** What else could not be read to its end, in words. */
  parts: string;
}

/** Tells of damaged files: each until an alarm of ours has named it. */
export class Damages {
  readonly #untold: Statement<[], Damage>;
  readonly #tell: Statement<[number, number]>;

  constructor(db: SqliteDatabase) {
    this.#untold = db.prepare(
      "SELECT id, file, reason, saved, rebuilt, lost, parts FROM damage WHERE told_by IS NULL ORDER BY id LIMIT 1",
    );
    this.#tell = db.prepare("UPDATE damage SET told_by = ? WHERE id = ?");
  }

  /** The oldest that nobody has been told of yet. */
  untold(): Damage | undefined {
    return this.#untold.get();
  }

  /** The alarm of this seq tells of it. To be called inside the transaction that stores that alarm. */
  told(damage: Damage, seq: number): void {
    this.#tell.run(seq, damage.id);
  }
}
