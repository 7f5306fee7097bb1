import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { AckPolicy, connect, DeliverPolicy, type NatsConnection } from "nats";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findNatsServer } from "../../hub/broker/find.ts";
import { LANES, laneOf, PRIORITIES } from "../../shared/alarm/priority.ts";
import {
  alarmSubject,
  deliveryDurable,
  deliverySubject,
  inboxPrefix,
  listenerSubject,
  presenceSubject,
  receiptSubject,
  STREAMS,
  SUBJECTS,
  stageSubject,
} from "../../shared/wire/subjects.ts";
import { startNats } from "../helpers/nats.ts";
import { whenTestFinished } from "../helpers/temp-dir.ts";

// deploy/nats against a real server: each role can do what its part of the relay does, and nothing else.

const ACCOUNTS = readFileSync("deploy/nats/accounts.conf", "utf8");

beforeEach(() => {
  for (const name of ["HUB", "GW_1", "ARC_NORTH", "ARC_SOUTH", "ADMIN"]) {
    vi.stubEnv(`NATS_${name}_PASSWORD`, `secret-of-${name}`);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

type Role = [user: string, password: string, kind: "hub" | "agent" | "center"];
const HUB: Role = ["hub", "secret-of-HUB", "hub"];
const AGENT: Role = ["gw-1", "secret-of-GW_1", "agent"];
const CENTERS: Role[] = [
  ["arc-north", "secret-of-ARC_NORTH", "center"],
  ["arc-south", "secret-of-ARC_SOUTH", "center"],
];

async function enter(url: string, [user, pass, kind]: Role): Promise<NatsConnection> {
  const nc = await connect({ servers: url, user, pass, inboxPrefix: inboxPrefix(kind, user) });
  whenTestFinished(() => nc.close());
  return nc;
}

/** Starts a server with the accounts, and lets the hub create its streams and durables. */
async function startRelay(): Promise<{ url: string; hub: NatsConnection }> {
  const { url } = await startNats({ config: ACCOUNTS });
  const hub = await enter(url, HUB);
  const manager = await hub.jetstreamManager();
  await manager.streams.add({ name: STREAMS.alarms, subjects: [SUBJECTS.allAlarms] });
  await manager.streams.add({ name: STREAMS.receipts, subjects: [SUBJECTS.allReceipts] });
  await manager.streams.add({ name: STREAMS.deliveries, subjects: [SUBJECTS.allDeliveries] });
  for (const [center] of CENTERS) {
    for (const lane of LANES) {
      await manager.consumers.add(STREAMS.deliveries, {
        durable_name: deliveryDurable(center, lane),
        filter_subject: deliverySubject(center, lane),
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
      });
    }
  }
  return { url, hub };
}

/** What the server says to a publish that it does not allow comes as a status, not as an error of the call. */
async function refusal(nc: NatsConnection, act: () => void): Promise<string> {
  const status = nc.status()[Symbol.asyncIterator]();
  act();
  await nc.flush();
  const next = await status.next();
  return `${String((next.value as { data: unknown }).data)} ${String((next.value as { permissionContext?: { subject: string } }).permissionContext?.subject)}`;
}

test("the production configuration is one that nats-server accepts", () => {
  execFileSync(findNatsServer(), ["-t", "-c", resolve("deploy/nats/nats-server.conf")], { stdio: "pipe" });
});

test("an agent relays, beats, asks and is told", async () => {
  const { url, hub } = await startRelay();
  const agent = await enter(url, AGENT);
  for (const priority of PRIORITIES) {
    const ack = await agent.jetstream({}).publish(alarmSubject("gw-1", laneOf(priority)), "[]");
    expect(ack.stream).toBe(STREAMS.alarms);
  }
  const beats = hub.subscribe(SUBJECTS.allPresence, { max: 1 });
  await hub.flush();
  agent.publish(presenceSubject("gw-1"), "{}");
  for await (const beat of beats) expect(beat.subject).toBe("presence.gw-1");
  hub.subscribe(SUBJECTS.changes, { callback: (_error, message) => void message.respond("{}") });
  await hub.flush();
  expect((await agent.request(SUBJECTS.changes, "{}")).string()).toBe("{}");
  const stages = agent.subscribe(stageSubject("gw-1"), { max: 1 });
  await agent.flush();
  hub.publish(stageSubject("gw-1"), "told");
  for await (const stage of stages) expect(stage.string()).toBe("told");
});

test("an agent cannot speak for another, nor read or write what is a center's or the hub's", async () => {
  const { url } = await startRelay();
  const agent = await enter(url, AGENT);
  for (const subject of [
    "alarm.gw-2.low",
    presenceSubject("gw-2"),
    receiptSubject("arc-north"),
    "delivery.arc-north.low",
    "decision.dead",
    "$JS.API.STREAM.DELETE.ALARMS",
    "$JS.API.CONSUMER.MSG.NEXT.DELIVERIES.arc-north-low",
  ]) {
    expect(await refusal(agent, () => agent.publish(subject, "x"))).toBe(`PERMISSIONS_VIOLATION ${subject}`);
  }
  for (const subject of [stageSubject("gw-2"), "_INBOX_agent_gw-2.>", "_INBOX.>", "alarm.>", ">"]) {
    const refused = refusal(agent, () => void agent.subscribe(subject, { callback: () => undefined }));
    expect(await refused).toBe(`PERMISSIONS_VIOLATION ${subject}`);
  }
});

test.each(CENTERS)("%s pulls its lanes, answers, acks, and notices a second listener", async (...role) => {
  const [center] = role;
  const { url, hub } = await startRelay();
  const nc = await enter(url, role);
  const stream = nc.jetstream();
  for (const lane of LANES) {
    await hub.jetstream().publish(deliverySubject(center, lane), `lane ${lane}`);
    const consumer = await stream.consumers.get(STREAMS.deliveries, deliveryDurable(center, lane));
    const message = await consumer.next({ expires: 5_000 });
    expect(message?.string()).toBe(`lane ${lane}`);
    expect((await stream.publish(receiptSubject(center), "{}")).stream).toBe(STREAMS.receipts);
    message?.working();
    expect(await message?.ackAck()).toBe(true);
  }
  nc.subscribe(listenerSubject(center), { callback: (_error, message) => void message.respond("here") });
  const second = await enter(url, role);
  expect((await second.request(listenerSubject(center), "")).string()).toBe("here");
});

test("a center cannot pull, answer or ack for another", async () => {
  const { url } = await startRelay();
  const nc = await enter(url, CENTERS[0] as Role);
  for (const subject of [
    receiptSubject("arc-south"),
    "$JS.API.CONSUMER.MSG.NEXT.DELIVERIES.arc-south-low",
    "$JS.API.CONSUMER.DELETE.DELIVERIES.arc-north-low",
    "$JS.ACK.DELIVERIES.arc-south-low.1.1.1.1.0",
    "$JS.ACK._.hash.DELIVERIES.arc-south-low.1.1.1.1.0",
    "alarm.gw-1.critical",
    "delivery.arc-north.critical",
  ]) {
    expect(await refusal(nc, () => nc.publish(subject, "x"))).toBe(`PERMISSIONS_VIOLATION ${subject}`);
  }
  const refused = refusal(nc, () => void nc.subscribe("delivery.>", { callback: () => undefined }));
  expect(await refused).toBe("PERMISSIONS_VIOLATION delivery.>");
});
