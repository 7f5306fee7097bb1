import { LANES } from "../../shared/alarm/priority.ts";
import type { DurableState } from "../../shared/nats/streams.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import { counted } from "../../shared/runtime/words.ts";
import { deliveryDurable, deliverySubject, STREAMS } from "../../shared/wire/subjects.ts";
import { NO_LANE } from "../ledger/positions.ts";
import type { DispatchedCenter, DispatcherOptions } from "./dispatcher.ts";
import { WINDOW_FRAMES_MAX } from "./frame.ts";
import type { LaneDispatcher } from "./lane-dispatcher.ts";
import { FRAME_LOST, loseFrame } from "./lost-frame.ts";

const EVERY_MS = 10_000;
/** After a start centers come back one by one: who listens is looked up more often for a while. */
const EARLY_EVERY_MS = 2_000;
const EARLY_MS = 30_000;
/** A center calls `working()` on what it holds; what it has lost comes again after this. */
const ACK_WAIT_MS = 10_000;
/** Frames out without a message ack: never fewer than a center may hold, which is 32 small ones. */
const ACK_PENDING_MAX = WINDOW_FRAMES_MAX;
export interface AuditOptions extends DispatcherOptions {
  centers: () => readonly DispatchedCenter[];
  /** An audit is through: what the ledger believes of DELIVERIES holds. */
  onAudited: () => void;
}

/**
 * Looks after DELIVERIES every 10 s, at first every 2 s, and after each reconnect: creates durables that are missing (a
 * client does not bring back one that has vanished), and finds frames that are gone although deliveries of theirs were
 * never answered, because somebody acked them without a receipt or the server lost its store. Those are dispatched again.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #loop: Loop;
  #listening: ReadonlySet<string> = new Set();
  #early: NodeJS.Timeout | undefined;
  #hasBegun = false;
  /** How often the link was lost: nobody knows what DELIVERIES is after that. */
  #losses = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#loop = new Loop(() => this.#step(), { name: "auditing DELIVERIES", log: options.log, idleMs: EVERY_MS });
    options.link.onDisconnect(() => {
      this.#losses += 1;
    });
  }

  get listening(): ReadonlySet<string> {
    return this.#listening;
  }

  start(): void {
    this.#loop.start();
    const endMs = performance.now() + EARLY_MS;
    this.#early ??= setInterval(() => {
      if (performance.now() < endMs) this.#loop.poke();
      else clearInterval(this.#early);
    }, EARLY_EVERY_MS);
  }

  poke(): void {
    this.#loop.poke();
  }

  stop(): Promise<void> {
    clearInterval(this.#early);
    return this.#loop.stop();
  }

  async #step(): Promise<StepResult> {
    if (!this.#options.link.connected) return "idle";
    const losses = this.#losses;
    const isOutdated = (): boolean => losses !== this.#losses;
    await this.#options.ensureStreams();
    // Only frames that were stored before the state of the stream is read can be judged by it.
    const outlets = this.#options
      .centers()
      .flatMap(({ lanes }) => lanes)
      .map((outlet) => ({ outlet, open: outlet.window.open.map(({ frameSeq }) => frameSeq) }));
    const state = await this.#options.admin.streamState(STREAMS.deliveries);
    if (state === undefined) return "more";
    const durables = await this.#options.admin.durables(STREAMS.deliveries);
    // Receipts that were stored before these states were read must be applied before anything counts as lost.
    await this.#options.receiptsFollowed();
    if (isOutdated()) return "more";
    const recreated = await this.#isRecreated(state.createdAt);
    for (const { outlet, open } of outlets) {
      const durable = durables.get(deliveryDurable(outlet.center, outlet.lane));
      const ackFloorSeq = durable?.ackFloorSeq ?? 0;
      const known = open.filter((seq) => seq > ackFloorSeq).length;
      const removed = await this.#removeUnknown(outlet, known, durable);
      const gone = open.filter((seq) => removed || recreated || seq <= ackFloorSeq || seq > state.lastSeq);
      await this.#dispatchAgain(outlet, gone);
      if (durable === undefined) await this.#createDurable(outlet);
    }
    if (isOutdated()) return "more";
    this.#listening = listeningCenters(this.#options.centers(), durables);
    this.#hasBegun = true;
    this.#options.onAudited();
    return "idle";
  }

  /** True if the frames that the ledger remembers lie in another stream than the one that is there now. */
  async #isRecreated(streamCreatedAt: string): Promise<boolean> {
    const { ledger } = this.#options;
    const before = ledger.positions.get(STREAMS.deliveries, NO_LANE);
    if (before?.streamCreatedAt === streamCreatedAt) return false;
    const now = { streamCreatedAt, seq: 0, messageAtMs: 0 };
    await ledger.write(() => ledger.positions.set(STREAMS.deliveries, NO_LANE, now));
    return before !== undefined;
  }

  /**
   * Removes the frames of an outlet if most of them are none that the ledger knows: it was lost, or is an older copy. New
   * ones would push them out, the oldest first, and the alarms in those would then come behind later ones that were not.
   * True if so; once dispatching has begun, what is not known is only not noted yet.
   */
  async #removeUnknown({ center, lane }: LaneDispatcher, known: number, durable?: DurableState): Promise<boolean> {
    const unknown = durable === undefined ? 0 : durable.pending + durable.ackPending - known;
    if (this.#hasBegun || unknown <= known) return false;
    await this.#options.admin.purge(STREAMS.deliveries, deliverySubject(center, lane));
    return true;
  }

  async #createDurable(outlet: LaneDispatcher): Promise<void> {
    const { center, lane } = outlet;
    const oldest = outlet.window.open[0]?.frameSeq;
    await this.#options.admin.ensureDurable(STREAMS.deliveries, {
      name: deliveryDurable(center, lane),
      filter: deliverySubject(center, lane),
      ackWaitMs: ACK_WAIT_MS,
      ackPendingMax: ACK_PENDING_MAX,
      ...(oldest === undefined ? {} : { startSeq: oldest }),
    });
  }

  /** These frames are gone: what nobody has answered of them is dispatched again. */
  async #dispatchAgain(outlet: LaneDispatcher, gone: readonly number[]): Promise<void> {
    const { ledger, log } = this.#options;
    const { centerId, center, lane } = outlet;
    for (const frameSeq of gone) {
      const lost = await ledger.write(() => loseFrame(ledger, { centerId, lane, frameSeq }));
      if (lost === 0) outlet.answered(frameSeq);
      else log.warn(`dispatching ${counted(lost, "alarm")} to ${center} again: ${FRAME_LOST}`);
    }
  }
}

function listeningCenters(
  centers: readonly DispatchedCenter[],
  durables: ReadonlyMap<string, DurableState>,
): ReadonlySet<string> {
  const listens = (name: string): boolean =>
    LANES.some((lane) => {
      const durable = durables.get(deliveryDurable(name, lane));
      return durable !== undefined && (durable.waiting > 0 || durable.ackPending > 0);
    });
  return new Set(centers.map((center) => center.name).filter(listens));
}
