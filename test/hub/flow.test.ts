import { connect, headers, type NatsConnection } from "nats";
import { afterEach, expect, test } from "vitest";
import { createHub, type Hub } from "../../hub/hub.ts";
import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { Change, ChangesReply, StageMessage } from "../../shared/wire/change.ts";
import { decodeDelivery } from "../../shared/wire/cloudevent.ts";
import { alarm } from "../helpers/alarm.ts";
import { eventually } from "../helpers/eventually.ts";
import { hubConfig } from "../helpers/hub.ts";
import { startNats } from "../helpers/nats.ts";
import { silentLog } from "../helpers/silent-log.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const open: { nc?: NatsConnection; hub?: Hub } = {};
afterEach(async () => {
  await open.nc?.close();
  await open.hub?.stop();
});

async function start(options: Partial<Parameters<typeof hubConfig>[0]> = {}) {
  const nats = await startNats();
  const config = hubConfig({ natsUrl: nats.url, dataDir: tempDir("hub"), centers: ["arc-north"], ...options });
  const hub = createHub(config, { log: silentLog() });
  open.hub = hub;
  await hub.start();
  const nc = await connect({ servers: nats.url });
  open.nc = nc;
  const changes: Change[] = [];
  nc.subscribe("stage.gw-1", {
    callback: (_, message) => changes.push(...(message.json() as StageMessage).changes),
  });
  await nc.flush();
  const publish = (alarms: Alarm[], priority = "critical") =>
    nc.jetstream().publish(`alarm.gw-1.${priority}`, JSON.stringify(alarms));
  const receipt = (type: string, alarms: string[], more: object = {}, center = "arc-north") =>
    nc
      .jetstream()
      .publish(`receipt.${center}`, JSON.stringify({ type, alarms, at: new Date().toISOString(), ...more }));
  /** Pulls one frame of a lane, and acks it. */
  const pull = async (center = "arc-north", priority = "critical") => {
    const consumer = await nc.jetstream().consumers.get("DELIVERIES", `${center}-${priority}`);
    const message = await consumer.next({ expires: 5_000 });
    if (message === null) throw new Error("nothing was delivered");
    message.ack();
    return decodeDelivery(message.string(), message.headers?.get("Content-Type"));
  };
  const kinds = () => changes.map((change) => change.kind);
  return { nats, config, hub, nc, changes, kinds, publish, receipt, pull };
}

test("an alarm is held, dispatched, received and settled, and its agent is told each stage", async () => {
  const { publish, pull, receipt, changes, kinds } = await start();
  await publish([alarm(1), alarm(2)]);
  const delivered = await pull();
  expect(delivered.faults).toEqual([]);
  expect(delivered.alarms.map(({ alarm: { id, late }, attempt }) => ({ id, late, attempt }))).toEqual([
    { id: "gw-1.e1.1", late: false, attempt: 1 },
    { id: "gw-1.e1.2", late: false, attempt: 1 },
  ]);
  await receipt("received", ["gw-1.e1.1", "gw-1.e1.2"]);
  await eventually("settled", () => expect(kinds()).toEqual(["held", "received", "settled"]));
  expect(changes.map((change) => change.n)).toEqual([1, 2, 3]);
  expect(changes[0]).toMatchObject({ ids: [["e1", 1, 2]], centers: ["arc-north"] });
  expect(changes[1]).toMatchObject({ ids: [["e1", 1, 2]], center: "arc-north" });
});

test("what is relayed twice is held once", async () => {
  const { publish, kinds, changes } = await start();
  await publish([alarm(1)]);
  await publish([alarm(1), alarm(2)]);
  await eventually("held", () => expect(kinds()).toEqual(["held", "held"]));
  expect(changes.map((change) => change.ids)).toEqual([[["e1", 1, 1]], [["e1", 2, 2]]]);
});

test("a failed delivery comes again, alone, with attempt 2; a rejected one settles by name", async () => {
  const { publish, pull, receipt, kinds, changes, nc } = await start();
  await publish([alarm(1), alarm(2)]);
  await pull();
  await receipt("failed", ["gw-1.e1.1"], { reason: "database is away" });
  await receipt("rejected", ["gw-1.e1.2"], { reason: "unknown account" });
  // The refusal is told by an alarm of the hub's own, in the same lane.
  const [told, again] = [await pull(), await pull()];
  expect(told.alarms.map(({ alarm: { agent, condition } }) => ({ agent, condition }))).toEqual([
    { agent: "hub", condition: "delivery-rejected" },
  ]);
  expect(again.alarms.map(({ alarm: { id }, attempt }) => ({ id, attempt }))).toEqual([
    { id: "gw-1.e1.1", attempt: 2 },
  ]);
  await receipt("received", ["gw-1.e1.1"]);
  await eventually("settled", () =>
    expect(kinds()).toEqual(["held", "failed", "rejected", "settled", "received", "settled"]),
  );
  expect(changes[2]).toMatchObject({ ids: [["e1", 2, 2]], reason: "unknown account" });
  // Dispatched twice, not more: what is due is claimed once.
  const { state } = await (await nc.jetstreamManager()).streams.info("DELIVERIES");
  expect(state.messages).toBe(3);
});

test("require any settles with the first center, and the other still gets the alarm", async () => {
  const centers = ["arc-north", "arc-south"];
  const { publish, pull, receipt, kinds } = await start({ centers, deliver: { to: centers, require: 1 } });
  await publish([alarm(1)]);
  await receiptAfter(pull("arc-north"), () => receipt("received", ["gw-1.e1.1"], {}, "arc-north"));
  await eventually("settled", () => expect(kinds()).toEqual(["held", "received", "settled"]));
  await receiptAfter(pull("arc-south"), () => receipt("received", ["gw-1.e1.1"], {}, "arc-south"));
  await eventually("received by both", () => expect(kinds()).toEqual(["held", "received", "settled", "received"]));
});

test("the first acknowledgment takes responsibility; the second learns who did", async () => {
  const centers = ["arc-north", "arc-south"];
  const { publish, receipt, kinds, nc } = await start({ centers });
  await publish([alarm(1)]);
  await receipt("received", ["gw-1.e1.1"], {}, "arc-north");
  await receipt("received", ["gw-1.e1.1"], {}, "arc-south");
  await receipt("acknowledged", ["gw-1.e1.1"], { operator: "kim" }, "arc-north");
  const second = await receipt("acknowledged", ["gw-1.e1.1"], { operator: "lee" }, "arc-south");
  const ask = { center: "arc-south", receiptSeq: second.seq, alarms: ["gw-1.e1.1"] };
  const reply = await nc.request("hub.receipts", JSON.stringify(ask));
  expect(reply.json()).toEqual({ outcomes: [{ kind: "already", center: "arc-north", operator: "kim" }] });
  expect(kinds().filter((kind) => kind === "acknowledged")).toHaveLength(1);
});

test("receipts that come before their alarm are applied when it is held", async () => {
  const { publish, receipt, kinds, nc } = await start();
  const early = await receipt("received", ["gw-1.e1.1"]);
  await nc.request("hub.receipts", JSON.stringify({ center: "arc-north", receiptSeq: early.seq, alarms: [] }));
  await publish([alarm(1)]);
  await eventually("settled", () => expect(kinds()).toEqual(["held", "received", "settled"]));
});

test("a clear goes where its raise went and ends it", async () => {
  const centers = ["arc-north", "arc-south"];
  const south = { to: ["arc-south"], require: 1 };
  const routes = [{ name: "raises", match: { event: ["raised"] }, deliver: south, continue: false }];
  const { publish, changes } = await start({ centers, deliver: { to: ["arc-north"], require: 1 }, routes });
  await publish([
    alarm(1, { point: "p" }),
    alarm(2, { point: "p", event: "cleared" }),
    alarm(3, { point: "p", event: "cleared" }),
  ]);
  await eventually("held", () => expect(changes.filter(({ kind }) => kind === "held")).toHaveLength(2));
  expect(changes.map(({ ids, centers: to }) => [ids, to])).toEqual([
    [[["e1", 1, 2]], ["arc-south"]],
    [[["e1", 3, 3]], ["arc-north"]],
  ]);
});

test("a test signal closes once it is received: nobody clears it or answers for it", async () => {
  const { publish, receipt, kinds, hub } = await start();
  await publish([alarm(1, { category: "test", condition: "test" })]);
  await receipt("received", ["gw-1.e1.1"]);
  await eventually("settled", () => expect(kinds()).toEqual(["held", "received", "settled"]));
  const found = (await (await fetch(`${hub.url}/v1/alarms/gw-1.e1.1`)).json()) as { state: string; condition: string };
  expect(found).toMatchObject({ state: "closed", condition: "none" });
});

test("an alarm that cannot be read is set aside and the others of its frame are held", async () => {
  const { nc, changes } = await start();
  const bad = { ...alarm(2), category: "volcano" };
  await nc.jetstream().publish("alarm.gw-1.critical", JSON.stringify([alarm(1), bad, alarm(3)]));
  await nc.jetstream().publish("alarm.gw-1.critical", "{not json");
  await nc.jetstream().publish("alarm.gw-1.critical", JSON.stringify([alarm(4)]));
  await eventually("held", () =>
    expect(changes.filter(({ kind }) => kind === "held").flatMap(({ ids }) => ids)).toEqual([
      ["e1", 1, 1],
      ["e1", 3, 3],
      ["e1", 4, 4],
    ]),
  );
});

test("an agent that missed changes gets all of them, and how far each lane was followed", async () => {
  const { publish, receipt, kinds, nc } = await start();
  const ack = await publish([alarm(1), alarm(2)]);
  await receipt("received", ["gw-1.e1.1", "gw-1.e1.2"]);
  await eventually("settled", () => expect(kinds()).toContain("settled"));
  const request = { agent: "gw-1", since: 0, epochs: [] };
  const reply = (await nc.request("hub.changes", JSON.stringify(request))).json() as ChangesReply;
  expect(reply.changes.map((change) => change.kind)).toEqual(["held", "received", "settled"]);
  expect(reply.more).toBe(false);
  expect(reply.followed?.lanes).toEqual({ critical: ack.seq, high: 0, medium: 0, low: 0 });
  const later = { ...request, ledger: reply.ledger, since: 2 };
  const rest = (await nc.request("hub.changes", JSON.stringify(later))).json() as ChangesReply;
  expect(rest.changes.map((change) => change.n)).toEqual([3]);
});

test("an agent that asks for changes is heard, before its first heartbeat; a probe tells only the time", async () => {
  const { nc, hub } = await start();
  const ask = async (more: object) =>
    (
      await nc.request("hub.changes", JSON.stringify({ agent: "gw-1", since: 0, epochs: [], ...more }))
    ).json() as ChangesReply;
  const agents = async () => ((await (await fetch(`${hub.url}/v1/agents`)).json()) as { items: object[] }).items;
  const { at, changes } = await ask({ probe: true });
  expect([Math.abs(Date.parse(at ?? "") - Date.now()) < 5_000, changes]).toEqual([true, []]);
  expect(await agents()).toEqual([]);
  await ask({});
  expect(await agents()).toMatchObject([{ agent: "gw-1", state: "connected" }]);
});

test("an agent that relays again what is held is told all of it again", async () => {
  const { publish, receipt, kinds, changes, nc } = await start();
  await publish([alarm(1)]);
  await receipt("received", ["gw-1.e1.1"]);
  await receipt("acknowledged", ["gw-1.e1.1"], { operator: "kim" });
  await eventually("acknowledged", () => expect(kinds()).toEqual(["held", "received", "settled", "acknowledged"]));
  const first = changes.splice(0);
  const again = headers();
  again.set("Alarm-Relayed-Again", "1");
  await nc.jetstream().publish("alarm.gw-1.critical", JSON.stringify([alarm(1)]), { headers: again });
  await eventually("told again", () => expect(changes).toHaveLength(4));
  const told = (list: Change[]) => list.map(({ n: _, ...change }) => change).sort((a, b) => (a.kind < b.kind ? -1 : 1));
  expect(told(changes)).toEqual(told(first));
});

test("a ledger that was restored from an older copy takes a new id, and tells everything under it", async () => {
  const { publish, nc, kinds } = await start();
  await publish([alarm(1)]);
  await eventually("held", () => expect(kinds()).toEqual(["held"]));
  const ask = async (more: object) =>
    (
      await nc.request("hub.changes", JSON.stringify({ agent: "gw-1", since: 0, epochs: [], ...more }))
    ).json() as ChangesReply;
  const { ledger } = await ask({});
  expect((await ask({ ledger, since: 1 })).ledger).toBe(ledger);
  const renewed = await ask({ ledger, since: 7 });
  expect(renewed.ledger).not.toBe(ledger);
  expect(renewed.changes.map((change) => change.n)).toEqual([1]);
});

test("a hub that starts again goes on where it was", async () => {
  const { publish, pull, receipt, hub, config, kinds } = await start();
  await publish([alarm(1)]);
  await pull();
  await hub.stop();
  await publish([alarm(2)]);
  await receipt("received", ["gw-1.e1.1"]);
  const second = createHub(config, { log: silentLog() });
  open.hub = second;
  await second.start();
  const delivered = await pull();
  expect(delivered.alarms.map(({ alarm: { id } }) => id)).toEqual(["gw-1.e1.2"]);
  await receipt("received", ["gw-1.e1.2"]);
  await eventually("both settled", () => expect(kinds().filter((kind) => kind === "settled")).toHaveLength(2));
});

test("a center that is taken out of the configuration settles what it owes as dead, by name", async () => {
  const centers = ["arc-north", "arc-south"];
  const { publish, receipt, hub, config, kinds, changes } = await start({ centers });
  await publish([alarm(1)]);
  await receipt("received", ["gw-1.e1.1"], {}, "arc-north");
  await eventually("received", () => expect(kinds()).toEqual(["held", "received"]));
  const routing = {
    centers: [{ id: "arc-north", framing: "batch" }],
    routes: [],
    defaultRoute: { name: "default", deliver: { to: ["arc-north"], require: 1 }, continue: false },
  } as const;
  await hub.reload({ ...config, routing });
  await eventually("settled", () => expect(kinds()).toEqual(["held", "received", "dead", "settled"]));
  expect(changes[2]).toMatchObject({ center: "arc-south", reason: "the center was removed from the configuration" });
});

async function receiptAfter(pulled: Promise<unknown>, send: () => Promise<unknown>): Promise<void> {
  await pulled;
  await send();
}
