import { randomUUID } from "node:crypto";
import { type JetStreamClient, headers as newHeaders } from "nats";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { LANES, type Lane, laneOf } from "../../../shared/alarm/priority.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import { encodeBatch, encodeEvent } from "../../../shared/wire/cloudevent.ts";
import { FRAME_ALARMS_MAX } from "../../../shared/wire/frame.ts";
import { CONTENT_TYPES, HEADERS } from "../../../shared/wire/headers.ts";
import type { AcknowledgeOutcome, Receipt, ReceiptOutcomeRequest } from "../../../shared/wire/receipt.ts";
import { deliveryDurable, deliverySubject, STREAMS, SUBJECTS } from "../../../shared/wire/subjects.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

export const CENTER = "arc-north";

/** The hub's side of one center: streams, durables, frames, and what it reads in RECEIPTS. */
export interface TestHub {
  readonly link: NatsLink;
  /** Every receipt so far, in the order of the log. */
  readonly receipts: readonly Receipt[];
  /** How often each alarm was answered with this type. */
  answered(type: Receipt["type"]): Map<string, number>;
  /** Publishes alarms of one lane in frames as full as they may be. */
  publish(
    alarms: readonly Alarm[],
    options?: { attempt?: number; relayedAgain?: boolean; single?: boolean; frameAlarms?: number },
  ): Promise<void>;
  /** Publishes any payload to a lane. */
  publishRaw(lane: Lane, payload: string, contentType?: string): Promise<void>;
  createDurables(): Promise<void>;
  /** How the next acknowledgments end; acknowledged unless given. */
  outcomeOf: (id: string) => AcknowledgeOutcome;
  requests: ReceiptOutcomeRequest[];
}

/** Starts it; `answersOutcomes: false` plays a hub that is down while NATS is up. */
export async function startTestHub(
  url: string,
  options: {
    answersOutcomes?: boolean;
    createsDurables?: boolean;
    ackWaitMs?: number;
    user?: string;
    password?: string;
  } = {},
): Promise<TestHub> {
  const log = silentLog();
  const link = new NatsLink({
    target: { servers: [url], user: options.user, password: options.password },
    name: "test hub",
    inboxPrefix: "_INBOX_test",
    log,
  });
  link.start();
  whenTestFinished(() => link.stop());
  await link.waitConnected(10_000);
  const admin = new StreamAdmin(link);
  await admin.ensureStream({ name: STREAMS.receipts, subjects: [SUBJECTS.allReceipts], discard: "new", replicas: 1 });
  await admin.ensureStream({
    name: STREAMS.deliveries,
    subjects: [SUBJECTS.allDeliveries],
    discard: "old",
    messagesPerSubjectMax: 64,
    replicas: 1,
  });
  const receipts: Receipt[] = [];
  link.subscribe(SUBJECTS.allReceipts, (payload) => receipts.push(JSON.parse(payload) as Receipt));
  const hub: TestHub = {
    link,
    receipts,
    outcomeOf: () => ({ kind: "acknowledged" }),
    requests: [],
    answered: (type) => countAlarms(receipts.filter((receipt) => receipt.type === type)),
    publish: (alarms, publishOptions) => publishAlarms(link.connection().jetstream(), alarms, publishOptions),
    publishRaw: async (lane, payload, contentType) => {
      await publishFrame(link.connection().jetstream(), lane, payload, contentType);
    },
    createDurables: () => createDurables(admin, options.ackWaitMs ?? 10_000),
  };
  if (options.answersOutcomes !== false) serveOutcomes(hub);
  if (options.createsDurables !== false) await hub.createDurables();
  return hub;
}

function serveOutcomes(hub: TestHub): void {
  hub.link.serve({
    name: "hub",
    version: "0.0.1",
    subject: SUBJECTS.receiptOutcomes,
    handler: (payload) => {
      const request = JSON.parse(payload) as ReceiptOutcomeRequest;
      hub.requests.push(request);
      return Promise.resolve(JSON.stringify({ outcomes: request.alarms.map((id) => hub.outcomeOf(id)) }));
    },
  });
}

async function createDurables(admin: StreamAdmin, ackWaitMs: number): Promise<void> {
  for (const lane of LANES) {
    await admin.ensureDurable(STREAMS.deliveries, {
      name: deliveryDurable(CENTER, lane),
      filter: deliverySubject(CENTER, lane),
      ackWaitMs,
      ackPendingMax: 64,
    });
  }
}

async function publishAlarms(
  js: JetStreamClient,
  alarms: readonly Alarm[],
  options: { attempt?: number; relayedAgain?: boolean; single?: boolean; frameAlarms?: number } = {},
): Promise<void> {
  const { attempt = 1, relayedAgain = false, single = false, frameAlarms = FRAME_ALARMS_MAX } = options;
  for (let i = 0; i < alarms.length; i += single ? 1 : frameAlarms) {
    const events = alarms
      .slice(i, i + (single ? 1 : frameAlarms))
      .map((alarm) => eventOf(alarm, attempt, relayedAgain));
    const payload = single ? (events[0] as string) : encodeBatch(events);
    const lane = laneOf((alarms[i] as Alarm).priority);
    await publishFrame(js, lane, payload, single ? CONTENT_TYPES.cloudEvent : CONTENT_TYPES.cloudEventsBatch);
  }
}

export function eventOf(alarm: Alarm, attempt = 1, relayedAgain = false): string {
  const { id, agent, event, point, acceptedAt } = alarm;
  const encodedAlarm = JSON.stringify(alarm);
  return encodeEvent({ id, encodedAlarm, agent, event, point, acceptedAt, attempt, relayedAgain });
}

async function publishFrame(js: JetStreamClient, lane: Lane, payload: string, contentType?: string): Promise<void> {
  const headers = newHeaders();
  if (contentType !== undefined) headers.set(HEADERS.contentType, contentType);
  await js.publish(deliverySubject(CENTER, lane), payload, { headers, msgID: randomUUID() });
}

function countAlarms(receipts: readonly Receipt[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { alarms } of receipts) for (const id of alarms) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** `count` alarms of one lane, each of its own point unless `points` says how many there are. */
export function makeAlarms(
  count: number,
  fields: Partial<Alarm> & { points?: number; firstSeq?: number } = {},
): Alarm[] {
  const { points = count, firstSeq = 1, ...given } = fields;
  return Array.from({ length: count }, (_, i) => ({
    id: `gw-1.k3abcdef.${firstSeq + i}`,
    agent: "gw-1",
    account: "1001",
    point: `zone-${i % points}`,
    category: "intrusion",
    condition: "BA",
    event: "raised",
    priority: "high",
    acceptedAt: "2026-03-01T12:00:00.000Z",
    ...given,
  }));
}
