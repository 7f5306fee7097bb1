import type { Stages } from "../one-by-one.ts";

/** Waits for one alarm at a time at the end of a peer. Publisher and consumer share our process, and its clock. */
export class Arrivals {
  #arrived: (atMs: number) => void = () => undefined;

  /** The consumer has it. */
  add(): void {
    this.#arrived(performance.now());
  }

  /** Publishes an alarm; resolves with how long its confirmation and its way to the consumer took. */
  async waitFor(publish: () => Promise<unknown>): Promise<Stages> {
    const arrived = new Promise<number>((resolve) => {
      this.#arrived = resolve;
    });
    const startMs = performance.now();
    await publish();
    const acceptedMs = performance.now();
    return { accepted: acceptedMs - startMs, "at the handler": (await arrived) - startMs };
  }
}
