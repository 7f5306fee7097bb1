import { LANES, type Lane } from "../../shared/alarm/priority.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import type { LogPublisher } from "../../shared/nats/publish.ts";
import type { StreamAdmin } from "../../shared/nats/streams.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop, type StepResult } from "../../shared/runtime/loop.ts";
import type { Committed, Ledger } from "../ledger/ledger.ts";
import type { RoutingConfig } from "../routing/config.ts";
import { Audit } from "./audit.ts";
import { killOwed } from "./kill-owed.ts";
import { LaneDispatcher } from "./lane-dispatcher.ts";

const REMOVALS_EVERY_MS = 60_000;

export interface DispatcherOptions {
  ledger: Ledger;
  link: NatsLink;
  admin: StreamAdmin;
  publisher: LogPublisher;
  log: Logger;
  /** Creates the streams where they are missing. */
  ensureStreams: () => Promise<void>;
  /** Resolves once all receipts are followed that were stored before the call. */
  receiptsFollowed: () => Promise<void>;
}

/** A center that the configuration names, with its four lanes. */
export interface DispatchedCenter {
  id: number;
  name: string;
  lanes: readonly LaneDispatcher[];
}

/**
 * Dispatches for every center of the configuration in force, each lane at its own pace, and looks after what they
 * need in DELIVERIES. The ledger is its outbox: it can be stopped at any point and goes on from there.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #centers = new Map<number, DispatchedCenter>();
  readonly #audit: Audit;
  /** The centers of the configuration, also while their lanes are being replaced. */
  #wanted: ReadonlySet<number> = new Set();
  readonly #removals: Loop;
  /** DELIVERIES may have been rolled back while the link was down: nothing is dispatched before it was looked at. */
  #audited = false;
  #begin: () => void = () => undefined;
  readonly #begun = new Promise<void>((resolve) => {
    this.#begin = resolve;
  });

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#audit = new Audit({
      ...options,
      centers: () => [...this.#centers.values()],
      onAudited: () => this.#release(),
    });
    this.#removals = new Loop((signal) => this.#endRemoved(signal), {
      name: "ending deliveries to removed centers",
      log: options.log,
      idleMs: REMOVALS_EVERY_MS,
    });
    options.ledger.onCommit((committed) => this.#committed(committed));
    options.link.onConnect(() => this.#audit.poke());
    options.link.onDisconnect(() => {
      this.#audited = false;
    });
  }

  /** Names of the centers that somebody listens as, as of the last audit. */
  get listening(): ReadonlySet<string> {
    return this.#audit.listening;
  }

  /** Resolves once DELIVERIES is in order for every center, and dispatching has begun. */
  start(): Promise<void> {
    this.#audit.start();
    return this.#begun;
  }

  /** Dispatches for these centers from now on; what is still owed to others ends as dead, by name. */
  async configure(routing: RoutingConfig): Promise<void> {
    const wanted = new Map(routing.centers.map((center) => [this.#options.ledger.names.centerId(center.id), center]));
    this.#wanted = new Set(wanted.keys());
    for (const [id, center] of [...this.#centers]) {
      const now = wanted.get(id);
      if (now !== undefined && center.lanes[0]?.framing === now.framing) continue;
      this.#centers.delete(id);
      await Promise.all(center.lanes.map((lane) => lane.stop()));
    }
    const ready = (): boolean => this.#audited && this.#options.link.connected;
    for (const [id, { id: name, framing }] of wanted) {
      if (this.#centers.has(id)) continue;
      const { ledger, link, publisher, log } = this.#options;
      const outlet = { ledger, publisher, log, center: name, centerId: id, framing, ready };
      const payloadBytesMax = (): number => link.payloadBytesMax;
      const lanes = LANES.map((lane) => new LaneDispatcher({ ...outlet, lane, payloadBytesMax }));
      this.#centers.set(id, { id, name, lanes });
    }
    this.#audit.poke();
    this.#removals.start();
    this.#removals.poke();
  }

  async stop(): Promise<void> {
    this.#begin();
    await this.#removals.stop();
    await this.#audit.stop();
    await Promise.all([...this.#centers.values()].flatMap((center) => center.lanes.map((lane) => lane.stop())));
  }

  #release(): void {
    this.#audited = true;
    this.#begin();
    for (const center of this.#centers.values()) {
      for (const lane of center.lanes) {
        lane.start();
        lane.poke();
      }
    }
  }

  #lane(centerId: number, lane: Lane): LaneDispatcher | undefined {
    return this.#centers.get(centerId)?.lanes[lane];
  }

  #committed({ poked, answered }: Committed): void {
    for (const { centerId, lane } of poked) this.#lane(centerId, lane)?.poke();
    for (const { centerId, lane, frameSeq } of answered) this.#lane(centerId, lane)?.answered(frameSeq);
  }

  /**
   * Ends what is owed to centers that are not configured. Not only once: a log that is followed anew brings back alarms
   * that were routed by an older configuration.
   */
  async #endRemoved(signal: AbortSignal): Promise<StepResult> {
    const { ledger, log } = this.#options;
    for (const center of ledger.names.centers()) {
      await killOwed(ledger, center, { isRemoved: () => !signal.aborted && !this.#wanted.has(center.id), log });
    }
    return "idle";
  }
}
