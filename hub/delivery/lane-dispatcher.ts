import type { Lane } from "../../shared/alarm/priority.ts";
import type { LogPublisher } from "../../shared/nats/publish.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { HEADERS } from "../../shared/wire/headers.ts";
import { deliverySubject } from "../../shared/wire/subjects.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Framing } from "../routing/config.ts";
import { boundsOf, createFrame, type DeliveryFrame } from "./frame.ts";
import { loseFrame } from "./lost-frame.ts";
import { Window } from "./window.ts";

export interface OutletOptions {
  ledger: Ledger;
  publisher: LogPublisher;
  log: Logger;
  center: string;
  centerId: number;
  lane: Lane;
  framing: Framing;
  /** What the server takes in one message, in bytes. */
  payloadBytesMax: () => number;
  /** False while DELIVERIES cannot be reached or is not known to be what the ledger believes. */
  ready: () => boolean;
}

/** How long to sleep when nothing pokes: deliveries that are due again are noticed after at most this. */
const IDLE_MS = 500;

/**
 * Dispatches one lane of one center: the next frame out of the ledger into DELIVERIES, one in flight, sent again
 * unchanged until it is answered, which alone keeps the order. A center that does not answer fills its own window and
 * nobody else's.
 */
export class LaneDispatcher {
  readonly #options: OutletOptions;
  readonly #loop: Loop;
  #window: Window;
  #cursorN: number;
  #inFlight: DeliveryFrame | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
    const subject = deliverySubject(options.center, options.lane);
    this.#loop = new Loop(() => this.#step(), { name: `dispatching ${subject}`, log: options.log, idleMs: IDLE_MS });
    ({ window: this.#window, cursorN: this.#cursorN } = this.#load());
  }

  get center(): string {
    return this.#options.center;
  }

  get centerId(): number {
    return this.#options.centerId;
  }

  get lane(): Lane {
    return this.#options.lane;
  }

  get framing(): Framing {
    return this.#options.framing;
  }

  get window(): Window {
    return this.#window;
  }

  start(): void {
    this.#loop.start();
  }

  /** There may be something new to dispatch. */
  poke(): void {
    this.#loop.poke();
  }

  /** Waits for the frame in flight. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** A frame takes up its place in the window no longer. */
  answered(frameSeq: number): void {
    this.#window.remove(frameSeq);
    this.#loop.poke();
  }

  async #step(): Promise<StepResult> {
    // What the ledger cannot note would be dispatched over and over.
    if (!this.#options.ready() || this.#options.ledger.store.trouble !== undefined) return "idle";
    this.#inFlight ??= this.#claim();
    const frame = this.#inFlight;
    if (frame === undefined) return "idle";
    const { publisher, center, centerId, lane, ledger } = this.#options;
    const ack = await publisher.publish(deliverySubject(center, lane), frame.payload, {
      msgId: frame.msgId,
      headers: { [HEADERS.contentType]: frame.contentType, [HEADERS.hubRun]: ledger.run },
    });
    // One that lay at this place before went with what the server has lost.
    if (this.#window.has(ack.seq)) await ledger.write(() => loseFrame(ledger, { centerId, lane, frameSeq: ack.seq }));
    this.#inFlight = undefined;
    const noted = this.#note(frame, ack.seq);
    // What goes again is found by its due time, which only the ledger takes away: it must not be claimed twice.
    if (!frame.advance) await noted;
    return "more";
  }

  #claim(): DeliveryFrame | undefined {
    try {
      return this.#next();
    } catch (error) {
      this.#options.ledger.store.failed(error);
      throw error;
    }
  }

  #next(): DeliveryFrame | undefined {
    const { ledger, centerId, lane, framing, payloadBytesMax } = this.#options;
    if (this.#window.full) {
      // Nothing is kept in memory for a center that does not answer.
      ledger.outbox.rewind(centerId, lane);
      return undefined;
    }
    const bounds = boundsOf(framing, payloadBytesMax());
    const again = ledger.outbox.due(centerId, lane, Date.now(), bounds);
    if (again.length > 0) return createFrame(again, framing, false);
    const items = ledger.outbox.take(centerId, lane, this.#cursorN, bounds);
    const last = items.at(-1);
    if (last === undefined) return undefined;
    this.#cursorN = last.n;
    return createFrame(items, framing, true);
  }

  /** Notes the frame in the ledger. Nobody need wait for it: the next one is read above the cursor in memory. */
  #note(frame: DeliveryFrame, frameSeq: number): Promise<void> {
    const { ledger, centerId, lane, log } = this.#options;
    const atMs = Date.now();
    const ordinal = this.#window.add(frameSeq, atMs);
    return ledger
      .noteLazily(() =>
        ledger.outbox.dispatched(
          { centerId, lane, frameSeq, ordinal, items: frame.items },
          { atMs, advance: frame.advance },
        ),
      )
      .catch((error: unknown) => {
        log.error(`the ledger could not note a dispatched frame: ${messageOf(error)}`);
        // The ledger is what counts: what it does not know is dispatched again, and the center knows it by its id.
        ({ window: this.#window, cursorN: this.#cursorN } = this.#load());
      });
  }

  #load(): { window: Window; cursorN: number } {
    const { ledger, centerId, lane } = this.#options;
    ledger.outbox.rewind(centerId, lane);
    const cursor = ledger.outbox.cursor(centerId, lane);
    return { window: new Window(ledger.outbox.openFrames(centerId, lane), cursor.ordinal), cursorN: cursor.n };
  }
}
