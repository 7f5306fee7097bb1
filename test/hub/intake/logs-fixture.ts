import { connect } from "nats";
import { expect } from "vitest";
import { Intake } from "../../../hub/intake/intake.ts";
import { LogTrimmer } from "../../../hub/intake/log-trimmer.ts";
import type { TrimmedLog } from "../../../hub/intake/trimmed-logs.ts";
import { LogCommands } from "../../../hub/log-commands.ts";
import type { RoutingConfig } from "../../../hub/routing/config.ts";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { LogPublisher } from "../../../shared/nats/publish.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTERS, ledgerFixture } from "../ledger/ledger-fixture.ts";

export const ROUTING: RoutingConfig = {
  centers: CENTERS.map((id) => ({ id, framing: "batch" })),
  routes: [],
  defaultRoute: { name: "default", deliver: { to: CENTERS, require: 2 }, continue: false },
};

const LOGS = { ALARMS: "alarm.*.*", RECEIPTS: "receipt.*", DECISIONS: "decision.*" } as const;
type LogName = keyof typeof LOGS;

/** The three logs on a real nats-server, small ones where `bytesMax` says so, without the rest of a hub. */
export async function startLogs(bytesMax: Partial<Record<LogName, number>>) {
  const nats = await startNats();
  const log = silentLog();
  const link = new NatsLink({ target: { servers: [nats.url] }, name: "test", inboxPrefix: "_INBOX_test", log });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(10_000);
  const admin = new StreamAdmin(link);
  const ensureStreams = async (): Promise<void> => {
    for (const [name, subject] of Object.entries(LOGS)) {
      const limit = bytesMax[name as LogName];
      const spec = { name, subjects: [subject], discard: "new", replicas: 1 } as const;
      await admin.ensureStream(limit === undefined ? spec : { ...spec, bytesMax: limit });
    }
  };
  const nc = await connect({ servers: nats.url });
  whenTestFinished(() => nc.close());
  const parts = { link, admin, publisher: new LogPublisher(link), log, ensureStreams };
  const publish = async (subject: string, message: unknown): Promise<number> =>
    (await nc.jetstream().publish(subject, JSON.stringify(message))).seq;
  return {
    admin,
    /** Follows the logs into a new ledger; resolves once a rebuilt one would dispatch. */
    startIntake: (routing = ROUTING) => startIntake(parts, routing),
    /** Publishes a frame of alarms of one priority; its sequence comes back. */
    frame: (alarms: readonly Alarm[], priority = "high") => publish(`alarm.${alarms[0]?.agent}.${priority}`, alarms),
    /** Publishes a receipt that takes `bytes`; its sequence comes back. */
    receipt: (center: string, receipt: { type: string; alarms: string[]; operator?: string }, bytes = 0) =>
      publish(`receipt.${center}`, { ...receipt, at: new Date().toISOString(), padding: "x".repeat(bytes) }),
    decision: (kind: string, decision: object) => publish(`decision.${kind}`, decision),
    state: async (name: LogName) => (await admin.streamState(name)) ?? expect.fail(`no stream ${name}`),
  };
}

export type Logs = Awaited<ReturnType<typeof startLogs>>;

type IntakeParts = Omit<ConstructorParameters<typeof Intake>[0], "ledger">;

async function startIntake(parts: IntakeParts, routing: RoutingConfig) {
  const { ledger } = ledgerFixture();
  const intake = new Intake({ ...parts, ledger });
  whenTestFinished(() => intake.stop());
  await intake.start(routing, new AbortController().signal);
  const { admin, log } = parts;
  const follow = (name: string, lane: number, seq: number): Promise<boolean> =>
    eventually(`${name} is followed`, () => (ledger.positions.get(name, lane)?.seq ?? 0) >= seq);
  return {
    ledger,
    intake,
    commands: new LogCommands({ ...parts, ledger, intake }),
    follow,
    /** Starts to trim one log, soon and often. */
    trim: (trimmed: (parts: { ledger: typeof ledger; admin: StreamAdmin }) => TrimmedLog): LogTrimmer => {
      const options = { ledger, admin, log, isConnected: () => true, everyMs: 20 };
      const trimmer = new LogTrimmer(trimmed({ ledger, admin }), options);
      whenTestFinished(() => trimmer.stop());
      trimmer.start();
      return trimmer;
    },
    /** The hub's own alarms that wait to be published. */
    told: () => ledger.own.waiting(10).map((own) => JSON.parse(own.alarm) as Alarm),
    /** How the delivery of an alarm to each center stands. */
    deliveries: (id: string) => {
      const ref = ledger.refs.find([id]).found[0] ?? expect.fail(`${id} is not held`);
      return CENTERS.map((center) => ledger.deliveries.stateOf(ledger.names.centerId(center), ref)?.state);
    },
  };
}
