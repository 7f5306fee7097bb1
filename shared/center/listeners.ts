import { messageOf } from "../runtime/errors.ts";
import type { Logger } from "../runtime/log.ts";
import type { CenterEvents } from "./types.ts";

/** Who wants to hear of a center's events. Unlike an EventEmitter it never throws when nobody listens for errors. */
export class Listeners {
  readonly #log: Logger;
  readonly #listeners: { readonly [E in keyof CenterEvents]: CenterEvents[E][] } = {
    connected: [],
    disconnected: [],
    withdrawn: [],
    error: [],
  };

  constructor(log: Logger) {
    this.#log = log;
  }

  add<E extends keyof CenterEvents>(event: E, listener: CenterEvents[E]): void {
    this.#listeners[event].push(listener);
  }

  /** Tells everybody; a listener that throws harms nobody else. */
  tell<E extends keyof CenterEvents>(event: E, ...args: Parameters<CenterEvents[E]>): void {
    for (const listener of this.#listeners[event]) {
      try {
        (listener as (...args: Parameters<CenterEvents[E]>) => void)(...args);
      } catch (error) {
        this.#log.error(`a listener for ${event} threw: ${messageOf(error)}`);
      }
    }
  }
}
