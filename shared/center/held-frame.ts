import type { PulledMessage } from "../nats/pull.ts";

/** How often the server is told that held frames are worked on; its ack wait is 10 s. */
const WORKING_MS = 3_000;

/** One pulled frame, until each of its alarms has been answered by a receipt that has its PubAck. */
export class HeldFrame {
  readonly #message: PulledMessage;
  readonly #onEnd: (frame: HeldFrame) => void;
  /** One more than the open alarms while the frame is being read, so that it cannot end before its last alarm. */
  #open = 1;
  #ended = false;

  constructor(message: PulledMessage, onEnd: (frame: HeldFrame) => void) {
    this.#message = message;
    this.#onEnd = onEnd;
  }

  /** One more alarm of this frame waits for its answer. */
  expect(): void {
    this.#open++;
  }

  /** One alarm has been answered, or the frame has been read. After the last one the server forgets the frame. */
  answered(): void {
    if (--this.#open > 0 || this.#ended) return;
    this.#end(() => this.#message.ack());
  }

  working(): void {
    this.#message.working();
  }

  /** What is not answered yet shall be handed out again at once. */
  giveBack(): void {
    if (!this.#ended) this.#end(() => this.#message.giveBack());
  }

  terminate(reason: string): void {
    if (!this.#ended) this.#end(() => this.#message.terminate(reason));
  }

  #end(tellServer: () => void): void {
    this.#ended = true;
    try {
      tellServer();
    } catch {
      // A closed connection: the server hands the frame out again, and its alarms are answered from the store.
    }
    this.#onEnd(this);
  }
}

/** All frames that are held, and the timer that keeps the server from handing them to someone else. */
export class HeldFrames {
  readonly #frames = new Set<HeldFrame>();
  #timer: NodeJS.Timeout | undefined;

  add(frame: HeldFrame): void {
    this.#frames.add(frame);
    this.#timer ??= setInterval(() => {
      for (const held of this.#frames) held.working();
    }, WORKING_MS);
  }

  remove(frame: HeldFrame): void {
    this.#frames.delete(frame);
    if (this.#frames.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  giveBackAll(): void {
    for (const frame of [...this.#frames]) frame.giveBack();
  }
}
