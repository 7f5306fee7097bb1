import type { Lane } from "../../shared/alarm/priority.ts";

/** One outbox: a center and a lane. */
export interface Outlet {
  centerId: number;
  lane: Lane;
}

/** A frame of which every delivery has been answered. */
export interface AnsweredFrame extends Outlet {
  frameSeq: number;
}

/**
 * What a transaction means for the parts that work from memory: outlets that have something new to dispatch, and
 * frames that no longer take up their window. Collected inside the transaction, handed over after the commit.
 */
export class Effects {
  #poked = new Map<number, Outlet>();
  #answered: AnsweredFrame[] = [];

  poke(centerId: number, lane: Lane): void {
    this.#poked.set(centerId * 4 + lane, { centerId, lane });
  }

  answered(centerId: number, lane: Lane, frameSeq: number): void {
    this.#answered.push({ centerId, lane, frameSeq });
  }

  take(): { poked: Iterable<Outlet>; answered: readonly AnsweredFrame[] } {
    const taken = { poked: this.#poked.values(), answered: this.#answered };
    this.forget();
    return taken;
  }

  forget(): void {
    this.#poked = new Map();
    this.#answered = [];
  }
}
