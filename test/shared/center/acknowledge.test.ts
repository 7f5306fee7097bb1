import { expect, test } from "vitest";
import { type AcknowledgeResult, type CenterOptions, connectCenter } from "../../../shared/center/index.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats, type TestNats } from "../../helpers/nats.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

async function connect(nats: Pick<TestNats, "url">, options: Partial<CenterOptions> = {}) {
  const center = await connectCenter({ id: CENTER, servers: nats.url, stateDir: tempDir("center"), ...options });
  whenTestFinished(() => center.stop());
  return center;
}

const ID = "gw-1.k3abcdef.1";

test("an acknowledgment from within the handler is published with operator and note, and its outcome comes back", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const center = await connect(nats);
  const results: AcknowledgeResult[] = [];
  await center.listen(async (delivery) => {
    results.push(await delivery.acknowledge({ operator: "kim", note: "guard sent" }));
  });
  await hub.publish(makeAlarms(1));
  await eventually("it is received", () => hub.answered("received").size === 1);
  expect(results).toEqual([{ kind: "acknowledged" }]);
  const acknowledged = hub.receipts.filter(({ type }) => type === "acknowledged");
  expect(acknowledged).toMatchObject([{ alarms: [ID], operator: "kim", note: "guard sent" }]);
});

test("each acknowledgment learns how it ended; those of one turn share a receipt", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const center = await connect(nats);
  const withdrawn: string[] = [];
  center.on("withdrawn", (id) => withdrawn.push(id));
  const ids = makeAlarms(4).map(({ id }) => id) as [string, string, string, string];
  hub.outcomeOf = (id) => {
    if (id === ids[1]) return { kind: "already", center: "arc-south", operator: "lee" };
    if (id === ids[2]) return { kind: "withdrawn" };
    return id === ids[3] ? { kind: "unknown" } : { kind: "acknowledged" };
  };
  const results = await Promise.allSettled(ids.map((id) => center.acknowledge(id, { operator: "kim" })));
  expect(results.slice(0, 3).map((result) => result.status === "fulfilled" && result.value)).toEqual([
    { kind: "acknowledged" },
    { kind: "already", center: "arc-south", operator: "lee" },
    { kind: "withdrawn" },
  ]);
  expect(results[3]).toMatchObject({ status: "rejected", reason: { code: "not_delivered" } });
  expect(withdrawn).toEqual([ids[2]]);
  expect(hub.receipts).toHaveLength(1);
  expect(hub.requests).toMatchObject([{ center: CENTER, receiptSeq: 1, alarms: ids }]);
});

test("different operators never share a receipt", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const center = await connect(nats);
  const [a, b, c] = makeAlarms(3).map(({ id }) => id) as [string, string, string];
  await Promise.all([
    center.acknowledge(a, { operator: "kim" }),
    center.acknowledge(b, { operator: "lee" }),
    center.acknowledge(c, { operator: "kim", note: "2" }),
  ]);
  expect(hub.receipts.map(({ operator, alarms }) => ({ operator, alarms }))).toEqual([
    { operator: "kim", alarms: [a] },
    { operator: "lee", alarms: [b] },
    { operator: "kim", alarms: [c] },
  ]);
});

test("without an answer from the hub it is stored, and the receipt is in the log", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url, { answersOutcomes: false });
  const center = await connect(nats);
  expect(await center.acknowledge(ID, { operator: "kim" })).toEqual({ kind: "stored" });
  await eventually("it was published", () => hub.answered("acknowledged").has(ID));
});

test("offline it is stored, and sent once when the link is back", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const proxy = await startTcpProxy(nats.port);
  const center = await connect({ url: `nats://${proxy.address}` });
  const lost = new Promise<string>((resolve) => center.on("disconnected", resolve));
  proxy.cut();
  expect(await lost).toMatch(/lost/);
  expect(await center.acknowledge(ID, { operator: "kim" })).toEqual({ kind: "stored" });
  proxy.resume();
  await eventually("it was sent", () => hub.requests.length === 1);
  expect(hub.answered("acknowledged")).toEqual(new Map([[ID, 1]]));
});

test("offline it outlives the process, and an earlier one is not sent again", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const stateDir = tempDir("state");
  const first = await connect(nats, { stateDir });
  await first.acknowledge("gw-1.k3abcdef.9", { operator: "kim" });
  await first.stop();
  const proxy = await startTcpProxy(nats.port);
  proxy.cut();
  const second = await connect({ url: `nats://${proxy.address}` }, { stateDir, connectTimeoutMs: 0 });
  expect(await second.acknowledge(ID, { operator: "lee", note: "by phone" })).toEqual({ kind: "stored" });
  await second.stop();
  expect(hub.receipts).toHaveLength(1);
  await connect(nats, { stateDir });
  await eventually("it was sent", () => hub.receipts.length === 2);
  expect(hub.receipts[1]).toMatchObject({ alarms: [ID], operator: "lee", note: "by phone" });
});

test.each([
  ["no id", { operator: "kim" }, /"no id" is not the id of an alarm/],
  [ID, { operator: "" }, /operator/],
  [ID, { operator: "a\0b" }, /operator must not contain NUL/],
  [ID, { operator: "kim", note: "x".repeat(5_000) }, /note/],
  [ID, {} as { operator: string }, /operator is required/],
])("acknowledge(%j, %j) is refused in words", async (id, by, message) => {
  const center = await connect({ url: "nats://127.0.0.1:1" }, { connectTimeoutMs: 0 });
  const refused = center.acknowledge(id, by);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toMatchObject({ code: "bad_request" });
});
