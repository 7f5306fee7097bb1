import { LANES } from "../../shared/alarm/priority.ts";
import type { NatsLink } from "../../shared/nats/link.ts";
import type { LogPublisher } from "../../shared/nats/publish.ts";
import type { StreamAdmin } from "../../shared/nats/streams.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { Followed } from "../../shared/wire/change.ts";
import { decisionSubject, laneAlarmsSubject, STREAMS, SUBJECTS } from "../../shared/wire/subjects.ts";
import type { EffectiveAfter } from "../ledger/config-versions.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { NO_LANE } from "../ledger/positions.ts";
import type { RoutingConfig } from "../routing/config.ts";
import { applyAlarms } from "./apply-alarms.ts";
import { applyReceipts } from "./apply-receipts.ts";
import { applyDecisions, DECISION_FILTERS, type DecisionKind, type Decisions } from "./decisions.ts";
import { followedOf } from "./followed.ts";
import { LogFollower } from "./log-follower.ts";
import { dispatchedByAnother, type Place } from "./lost-ledger.ts";

export interface IntakeOptions {
  ledger: Ledger;
  link: NatsLink;
  admin: StreamAdmin;
  publisher: LogPublisher;
  log: Logger;
  ensureStreams: () => Promise<void>;
}

const READ_BACK_MS_MAX = 10_000;

/** Follows the three logs into the ledger: ALARMS by lane, so that a critical alarm does not wait behind a backlog. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #lanes: readonly LogFollower[];
  readonly receipts: LogFollower;
  readonly #decisions: LogFollower;
  /** What of ALARMS somebody else may have dispatched. */
  #markedUpTo: Place | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { ledger } = options;
    this.#lanes = LANES.map(
      (lane) =>
        new LogFollower({
          ...options,
          stream: STREAMS.alarms,
          lane,
          filter: laneAlarmsSubject(lane),
          markedFilters: [laneAlarmsSubject(lane)],
          apply: (messages, positionOf) =>
            applyAlarms({ ledger, lane, markedUpTo: this.#markedUpTo }, messages, positionOf),
        }),
    );
    this.receipts = new LogFollower({
      ...options,
      stream: STREAMS.receipts,
      lane: NO_LANE,
      filter: SUBJECTS.allReceipts,
      markedFilters: [SUBJECTS.allReceipts],
      apply: (messages, positionOf) => applyReceipts(ledger, messages, positionOf),
    });
    this.#decisions = new LogFollower({
      ...options,
      stream: STREAMS.decisions,
      lane: NO_LANE,
      filter: SUBJECTS.allDecisions,
      markedFilters: Object.values(DECISION_FILTERS),
      apply: (messages, positionOf) => applyDecisions(ledger, messages, positionOf),
    });
  }

  /** How far ALARMS has been followed; undefined until every lane knows its stream. */
  get followed(): Followed | undefined {
    return followedOf(this.#lanes.map((lane) => lane.position));
  }

  /** True once every log has been followed to the end that it had when it was opened. */
  get caughtUp(): boolean {
    return [...this.#lanes, this.receipts, this.#decisions].every((follower) => follower.caughtUp);
  }

  /**
   * Starts to follow. Decisions come first, since alarms are routed by them. A ledger that is new folds all alarms
   * and then all receipts before this resolves, so that nothing is dispatched that a center has long received; an
   * older one follows everything at once, and lanes need not wait for each other.
   */
  async start(routing: RoutingConfig, signal: AbortSignal): Promise<void> {
    const { ledger, log } = this.#options;
    const isNew = ledger.positions.get(STREAMS.receipts, NO_LANE) === undefined;
    this.#decisions.start();
    await this.#decisions.waitCaughtUp(signal);
    if (signal.aborted) return;
    await this.decideRouting(routing);
    await this.#markDispatched();
    for (const lane of this.#lanes) lane.start();
    if (isNew) {
      log.info("the ledger is new: following the logs from their start");
      await Promise.all(this.#lanes.map((lane) => lane.waitCaughtUp(signal)));
    }
    if (signal.aborted) return;
    this.receipts.start();
    if (isNew) await this.receipts.waitCaughtUp(signal);
  }

  /** Where the ledger was lost or put back, all that it dispatches of what was there before is marked. */
  async #markDispatched(): Promise<void> {
    const { ledger, admin, log } = this.#options;
    this.#markedUpTo = await dispatchedByAnother(ledger, admin);
    if (this.#markedUpTo === undefined) return;
    log.warn(
      "DELIVERIES holds frames of a ledger that is not this one: what they may hold is marked when it goes again",
    );
    await ledger.write(() => ledger.outbox.markAgain());
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lanes, this.receipts, this.#decisions].map((follower) => follower.stop()));
  }

  /**
   * Puts a routing into force unless it is already. Alarms wait meanwhile, so that the version can say exactly from
   * which one on it counts.
   */
  async decideRouting(routing: RoutingConfig): Promise<void> {
    const { ledger } = this.#options;
    const { current } = ledger.configs;
    if (current !== undefined && JSON.stringify(current.routing) === JSON.stringify(routing)) return;
    const releases = await Promise.all(this.#lanes.map((lane) => lane.pause()));
    try {
      const version = (current?.version ?? 0) + 1;
      await this.decide("config", { version, routing, effectiveAfter: this.#alarmPositions() });
      this.#options.log.info(`version ${version} of the routing is in force`);
    } finally {
      for (const release of releases) release();
    }
  }

  /** Publishes a decision; it has taken effect, read back from the log, when this resolves. */
  async decide<K extends DecisionKind>(kind: K, decision: Decisions[K]): Promise<void> {
    const subject = decisionSubject(kind);
    const msgId = `${kind}-${crypto.randomUUID()}`;
    const ack = await this.#options.publisher.publish(subject, JSON.stringify(decision), { msgId });
    await this.#decisions.waitForSeq(ack.seq, READ_BACK_MS_MAX);
  }

  #alarmPositions(): EffectiveAfter {
    return LANES.map((lane) => {
      const position = this.#options.ledger.positions.get(STREAMS.alarms, lane);
      return { streamCreatedAt: position?.streamCreatedAt ?? "", seq: position?.seq ?? 0 };
    });
  }
}
