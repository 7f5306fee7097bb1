interface Waiting<Item, Answer> {
  item: Item;
  signal: AbortSignal;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** Sends what waits as one batch, one batch at a time. `send` says how each of its items ended, in order. */
export class Batcher<Item, Answer> {
  readonly #send: (items: readonly Item[], signal: AbortSignal) => Promise<readonly PromiseSettledResult<Answer>[]>;
  readonly #itemsMax: number;
  readonly #waiting: Waiting<Item, Answer>[] = [];
  #isSending = false;

  constructor(
    send: (items: readonly Item[], signal: AbortSignal) => Promise<readonly PromiseSettledResult<Answer>[]>,
    itemsMax: number,
  ) {
    this.#send = send;
    this.#itemsMax = itemsMax;
  }

  /** Resolves with the item's answer; rejects with the error that its batch ended with. */
  add(item: Item, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, signal, resolve, reject });
      if (this.#isSending) return;
      this.#isSending = true;
      // Alarms of one frame arrive in the same turn and share the first batch already.
      setImmediate(() => void this.#sendAll());
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#sendOne(this.#waiting.splice(0, this.#itemsMax));
    this.#isSending = false;
  }

  async #sendOne(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    // All come from one center, which gives up all of them at once.
    const signal = (batch[0] as Waiting<Item, Answer>).signal;
    try {
      const results = await this.#send(
        batch.map(({ item }) => item),
        signal,
      );
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i] as PromiseSettledResult<Answer>;
        if (result.status === "fulfilled") resolve(result.value);
        else reject(result.reason);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
