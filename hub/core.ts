import { setTimeout as sleep } from "node:timers/promises";
import type { NatsLink } from "../shared/nats/link.ts";
import { LogPublisher } from "../shared/nats/publish.ts";
import { StreamAdmin } from "../shared/nats/streams.ts";
import type { NatsTarget } from "../shared/nats/target.ts";
import { messageOf, RelayError } from "../shared/runtime/errors.ts";
import { ChangeLog, type Logger } from "../shared/runtime/log.ts";
import { VERSION } from "../shared/runtime/version.ts";
import type { Followed } from "../shared/wire/change.ts";
import { STREAMS, SUBJECTS } from "../shared/wire/subjects.ts";
import type { HubStatus } from "./api/status.ts";
import { assertServerVersion } from "./broker/version.ts";
import type { HubConfig } from "./config.ts";
import { Connectors } from "./connectors/connectors.ts";
import { Dispatcher } from "./delivery/dispatcher.ts";
import { Intake } from "./intake/intake.ts";
import { LogTrimmer } from "./intake/log-trimmer.ts";
import { PresenceBoard } from "./intake/presence.ts";
import { streamKeeper } from "./intake/streams.ts";
import { trimmedAlarms, trimmedDecisions, trimmedReceipts } from "./intake/trimmed-logs.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { LogCommands } from "./log-commands.ts";
import { CloneWatch } from "./own/clone-watch.ts";
import { GatewayWatch } from "./own/gateway-watch.ts";
import { OwnAlarmRelay } from "./own/own-alarm-relay.ts";
import { Announcer } from "./stages/announcer.ts";
import { answerChanges } from "./stages/changes-service.ts";
import { answerOutcomes } from "./stages/outcomes-service.ts";

const SERVICE_NAME = "alarm-hub";
const RECEIPTS_MS_MAX = 10_000;
const BEGIN_AGAIN_MS = 1_000;

export interface CoreOptions {
  ledger: Ledger;
  link: NatsLink;
  /** The NATS system of the link, for connectors, which connect as any center does. */
  target: NatsTarget;
  /** The hub's folder, where each connector gets one of its own. */
  dataDir: string;
  replicas: number;
  log: Logger;
  signal: AbortSignal;
}

/** The flow of alarms through the hub: from the logs into the ledger, out to the centers, back to the agents. */
export class HubCore {
  readonly ledger: Ledger;
  readonly presence: PresenceBoard;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly commands: LogCommands;
  readonly #link: NatsLink;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #connectors: Connectors;
  readonly #ownAlarms: OwnAlarmRelay;
  readonly #gateways: GatewayWatch;
  readonly #announcer: Announcer;
  readonly #trimmers: readonly LogTrimmer[];
  #serving = false;

  constructor(options: CoreOptions) {
    const { ledger, link, log } = options;
    this.ledger = ledger;
    this.#link = link;
    this.#log = log;
    this.#connectors = new Connectors(options);
    this.#signal = options.signal;
    const admin = new StreamAdmin(link);
    const publisher = new LogPublisher(link);
    const ensureStreams = streamKeeper(admin, options.replicas);
    const parts = { ledger, link, admin, publisher, log, ensureStreams };
    const clones = new CloneWatch(options);
    this.presence = new PresenceBoard(link, (presence) => clones.hear(presence, performance.now()));
    this.intake = new Intake(parts);
    this.dispatcher = new Dispatcher({ ...parts, receiptsFollowed: () => this.#receiptsFollowed(admin) });
    this.commands = new LogCommands({ ledger, intake: this.intake, publisher });
    const isConnected = (): boolean => link.connected;
    this.#trimmers = [trimmedAlarms(parts), trimmedReceipts(parts), trimmedDecisions(parts)].map(
      (trimmed) => new LogTrimmer(trimmed, { ...parts, isConnected }),
    );
    this.#ownAlarms = new OwnAlarmRelay({ ...parts, isConnected });
    this.#gateways = new GatewayWatch({
      ...parts,
      presence: this.presence,
      caughtUp: () => link.connected && this.intake.caughtUp,
    });
    this.#announcer = new Announcer(ledger, link);
  }

  /**
   * Begins, and tries again until it has begun: the broker may be away, now or in the middle of it. Throws only what
   * no waiting heals.
   */
  async start(config: () => HubConfig): Promise<void> {
    const trouble = new ChangeLog((message) => this.#log.warn(`the hub could not begin yet: ${message}`));
    while (!this.#signal.aborted) {
      try {
        return await this.#begin(config());
      } catch (error) {
        if (error instanceof RelayError && !error.retry) throw error;
        if (!this.#signal.aborted) trouble.say(messageOf(error));
        await sleep(BEGIN_AGAIN_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }

  async #begin(config: HubConfig): Promise<void> {
    const { serverVersion } = this.#link;
    if (serverVersion === undefined) throw new RelayError("not_connected", this.#link.downReason ?? "not connected");
    assertServerVersion(serverVersion);
    // First of all: a log that is full may be what the rest waits for.
    for (const trimmer of this.#trimmers) trimmer.start();
    await this.intake.start(config.routing, this.#signal);
    if (this.#signal.aborted) return;
    await this.dispatcher.configure(config.routing);
    await this.#connectors.configure(config.centers);
    this.#serve();
    this.#ownAlarms.start();
    this.#gateways.start();
    await this.dispatcher.start();
  }

  /** What the HTTP interface shows of the running hub, as it is when it is read. */
  status(centers: () => HubConfig["centers"]): HubStatus {
    const { intake, dispatcher, presence, ledger } = this;
    const link = this.#link;
    return {
      get linkDownReason() {
        return link.downReason;
      },
      get storeTrouble() {
        return ledger.store.trouble;
      },
      get caughtUp() {
        return intake.caughtUp;
      },
      get centers() {
        return centers();
      },
      get listening() {
        return dispatcher.listening;
      },
      get agents() {
        return presence.all();
      },
    };
  }

  async configure(config: HubConfig): Promise<void> {
    await this.intake.decideRouting(config.routing);
    await this.dispatcher.configure(config.routing);
    await this.#connectors.configure(config.centers);
  }

  async stop(): Promise<void> {
    await this.#connectors.stop();
    await Promise.all(this.#trimmers.map((trimmer) => trimmer.stop()));
    await this.#gateways.stop();
    await this.#ownAlarms.stop();
    await this.dispatcher.stop();
    await this.intake.stop();
    this.#announcer.stop();
  }

  /** Answers agents and centers, from when the ledger has followed the logs. */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    const { ledger, intake, presence } = this;
    const service = { name: SERVICE_NAME, version: VERSION };
    const followed = (): Followed | undefined => intake.followed;
    const asked = (agent: string): void => presence.asked(agent);
    const changes = (request: string): Promise<string> => answerChanges(ledger, followed, asked, request);
    const outcomes = (request: string): Promise<string> => answerOutcomes(ledger, intake.receipts, request);
    this.#link.serve({ ...service, subject: SUBJECTS.changes, handler: changes });
    this.#link.serve({ ...service, subject: SUBJECTS.receiptOutcomes, handler: outcomes });
  }

  async #receiptsFollowed(admin: StreamAdmin): Promise<void> {
    const state = await admin.streamState(STREAMS.receipts);
    if (state === undefined) throw new RelayError("not_connected", "the stream of receipts is not there");
    await this.intake.receipts.waitForSeq(state.lastSeq, RECEIPTS_MS_MAX);
  }
}
