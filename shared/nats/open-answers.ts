import { RelayError } from "../runtime/errors.ts";

/**
 * Those who wait for an answer over one link. What had not come when the connection was lost never comes, though the
 * client would wait for it until its timeout: whoever waits may ask again as soon as the link is back.
 */
export class OpenAnswers {
  readonly #waiting = new Set<(error: RelayError) => void>();

  /** Settles as `answer` does, but rejects with `timeout` once the connection is lost. */
  wait<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** The connection is lost. */
  lost(): void {
    const error = new RelayError("timeout", "the connection was lost before the answer came");
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}
