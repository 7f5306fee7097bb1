import { expect, test } from "vitest";
import type { Presence } from "../../../shared/wire/presence.ts";
import { T0 } from "../ledger/ledger-fixture.ts";
import { apiFixture } from "./api-fixture.ts";

const HEARD: Presence = {
  agent: "gw-1",
  version: "0.1.0",
  epoch: "e1",
  startedAt: new Date(T0).toISOString(),
  at: new Date(T0).toISOString(),
  heartbeatMs: 30_000,
  epochs: [],
  lastSeq: 7,
  queue: { unsettled: { critical: 0, high: 1, medium: 0, low: 0 }, bytes: 500, oldestUnsettledMs: 20 },
  leaving: false,
};

test("lists alarms by filter and page", async () => {
  const { get, hold, happen } = await apiFixture();
  const one = await hold({ seq: 1, account: "1001", category: "fire" });
  await hold({ seq: 2, account: "1001" });
  await hold({ seq: 3, account: "1002" });
  await happen("received", "arc-north", [one]);
  const ids = async (query: string): Promise<string[]> =>
    (await get(`/v1/alarms?${query}`)).body.items.map(({ id }: { id: string }) => id);
  expect(await ids("")).toEqual(["gw-1.e1.3", "gw-1.e1.2", "gw-1.e1.1"]);
  expect(await ids("account=1001&open=true&priority=critical")).toEqual([one]);
  expect(await ids("deliveryState=received&center=arc-north")).toEqual([one]);
  expect(await ids(`since=${new Date(T0 + 2_000).toISOString()}&agent=gw-1`)).toEqual(["gw-1.e1.3", "gw-1.e1.2"]);
  const first = await get("/v1/alarms?limit=2");
  const second = await get(`/v1/alarms?limit=2&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ items: [{ id: one }] });
  expect(second.body).not.toHaveProperty("nextCursor");
});

test.each([
  ["limit=0", "limit"],
  ["limit=many", "limit"],
  ["state=shelved", "state"],
  ["open=maybe", "open"],
  ["since=yesterday", "since"],
  ["priority=urgent", "priority"],
  ["colour=red", "colour"],
  ["cursor=nonsense", "cursor"],
])("a wrong query is refused by name: %s", async (query, path) => {
  const { get } = await apiFixture();
  const { status, body } = await get(`/v1/alarms?${query}`);
  expect(status).toBe(400);
  expect(body.error).toMatchObject({ code: "bad_request", details: [{ path }] });
});

test("all mistakes of a query are told at once", async () => {
  const { get } = await apiFixture();
  const { body } = await get("/v1/alarms?limit=0&colour=red&since=x");
  expect(body.error.details.map(({ path }: { path: string }) => path).sort()).toEqual(["colour", "limit", "since"]);
});

test("one alarm with its trail, or 404", async () => {
  const { get, hold } = await apiFixture();
  const id = await hold({ seq: 1, account: "1001" });
  const { status, body } = await get(`/v1/alarms/${id}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ id, alarm: { account: "1001" }, route: { name: "default" } });
  expect(body.trail.map(({ kind }: { kind: string }) => kind)).toEqual(["accepted", "held"]);
  expect(await get("/v1/alarms/gw-1.e1.2")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
});

test("acknowledging answers 201, and 200 when it comes again", async () => {
  const { post, answers, asked } = await apiFixture();
  const by = { center: "arc-north", operator: "kim", note: "guard sent" };
  const at = new Date(T0).toISOString();
  const path = "/v1/alarms/gw-1.e1.1/acknowledgments";
  expect(await post(path, by)).toEqual({ status: 201, body: { id: "gw-1.e1.1", ...by, at } });
  expect(asked).toEqual([{ id: "gw-1.e1.1", ...by }]);
  answers.acknowledge = { kind: "acknowledged", created: false, at };
  expect(await post(path, by)).toMatchObject({ status: 200, body: { at } });
});

test("acknowledging says why not", async () => {
  const { post, answers } = await apiFixture();
  const path = "/v1/alarms/gw-1.e1.1/acknowledgments";
  const by = { center: "arc-north", operator: "kim" };
  answers.acknowledge = { kind: "not_found" };
  expect(await post(path, by)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  answers.acknowledge = { kind: "not_delivered" };
  expect(await post(path, by)).toMatchObject({ status: 409, body: { error: { code: "not_delivered" } } });
  const at = new Date(T0).toISOString();
  answers.acknowledge = { kind: "already_acknowledged", center: "arc-south", operator: "lee", at };
  const { status, body } = await post(path, by);
  expect(status).toBe(409);
  expect(body.error.code).toBe("already_acknowledged");
  expect(body.error.message).toContain("lee");
  expect(body.error.details).toEqual([
    { path: "center", message: "arc-south" },
    { path: "operator", message: "lee" },
    { path: "at", message: at },
  ]);
});

test("an acknowledgment that cannot be read is refused with every path", async () => {
  const { post, asked } = await apiFixture();
  const path = "/v1/alarms/gw-1.e1.1/acknowledgments";
  const { status, body } = await post(path, { operator: "", notes: "x" });
  expect(status).toBe(400);
  expect(body.error.details.map((detail: { path: string }) => detail.path).sort()).toEqual([
    "/center",
    "/notes",
    "/operator",
  ]);
  expect((await post(path, { center: "arc-north", operator: "k\u0000m" })).status).toBe(400);
  expect((await post(path)).status).toBe(400);
  expect(asked).toEqual([]);
});

test("a web page cannot acknowledge", async () => {
  const { post, asked } = await apiFixture();
  const headers = { origin: "https://evil.example" };
  const by = { center: "arc-north", operator: "kim" };
  expect((await post("/v1/alarms/gw-1.e1.1/acknowledgments", by, headers)).status).toBe(403);
  expect(asked).toEqual([]);
});

test("dead deliveries, and redriving one", async () => {
  const { get, post, hold, happen, answers } = await apiFixture();
  const id = await hold({ seq: 1 });
  await happen("rejected", "arc-south", [id], { reason: "not ours" });
  const { body } = await get("/v1/dead?center=arc-south");
  expect(body.items).toMatchObject([{ id, center: "arc-south", state: "rejected", reason: "not ours" }]);
  const path = `/v1/dead/${id}/arc-south/redrive`;
  expect(await post(path)).toEqual({ status: 200, body: { id, center: "arc-south", state: "redriven" } });
  answers.redrive = { kind: "not_dead" };
  expect(await post(path)).toMatchObject({ status: 409, body: { error: { code: "not_dead" } } });
  answers.redrive = { kind: "not_found" };
  expect((await post(path)).status).toBe(404);
});

test("agents from the ledger and from their heartbeats, by name", async () => {
  const { get, hold, status } = await apiFixture();
  await hold({ seq: 1 });
  await hold({ seq: 1, agent: "gw-3" });
  status.agents.set("gw-1", { presence: HEARD, heardAtMs: Date.now() });
  status.agents.set("gw-2", { presence: { ...HEARD, agent: "gw-2", leaving: true }, heardAtMs: Date.now() });
  status.agents.set("gw-4", { presence: { ...HEARD, agent: "gw-4" }, heardAtMs: Date.now() - 91_000 });
  const first = await get("/v1/agents?limit=3");
  expect(first.body.items).toMatchObject([
    { agent: "gw-1", state: "connected", version: "0.1.0", lastSeq: 7, held: 1 },
    { agent: "gw-2", state: "stopped", held: 0 },
    { agent: "gw-3", state: "unheard", lastSeq: 1, held: 1 },
  ]);
  const second = await get(`/v1/agents?limit=3&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ items: [{ agent: "gw-4", state: "silent" }] });
  expect(second.body).not.toHaveProperty("nextCursor");
});

test("centers with what each is owed", async () => {
  const { get, hold, happen } = await apiFixture();
  const id = await hold({ seq: 1, category: "fire" });
  await happen("received", "arc-north", [id]);
  const { body } = await get("/v1/centers");
  expect(body.items).toMatchObject([
    { center: "arc-north", connected: true, connection: "nats", open: { critical: 0 } },
    { center: "arc-south", connected: false, open: { critical: 1 }, oldestHeldAt: new Date(T0 + 1_000).toISOString() },
  ]);
});

test("ready and healthy, or why not", async () => {
  const { get, hold, dispatch, happen, status } = await apiFixture();
  expect((await get("/livez")).status).toBe(200);
  expect(await get("/readyz")).toEqual({ status: 200, body: { status: "ok", reasons: [] } });
  expect((await get("/healthz")).status).toBe(200);
  const id = await hold({ seq: 1 }, Date.now() - 61_000);
  const unhealthy = await get("/healthz");
  expect(unhealthy.status).toBe(503);
  expect(unhealthy.body.reasons).toEqual([
    expect.stringMatching(/^arc-north does not answer: its oldest alarm has waited for 6\d s$/),
    expect.stringMatching(/^arc-south does not listen: /),
  ]);
  for (const center of ["arc-north", "arc-south"]) {
    await dispatch(center);
    await happen("received", center, [id]);
  }
  expect((await get("/healthz")).body).toEqual({ status: "ok", reasons: [] });
  status.caughtUp = false;
  expect(await get("/readyz")).toMatchObject({ status: 503, body: { reasons: [/catching up/] } });
  status.linkDownReason = "nothing listens at nats://127.0.0.1:4222";
  expect((await get("/readyz")).body.reasons).toEqual([status.linkDownReason]);
});

test("the hub at a glance", async () => {
  const { get, hold, status } = await apiFixture();
  await hold({ seq: 1 });
  status.agents.set("gw-2", { presence: { ...HEARD, agent: "gw-2" }, heardAtMs: Date.now() });
  expect((await get("/v1/status")).body).toMatchObject({
    version: expect.stringMatching(/^\d/),
    alarmsOpen: 1,
    agents: { connected: 1, silent: 0, stopped: 0, unheard: 0 },
    centers: [{ center: "arc-north", open: { high: 1 } }, { center: "arc-south" }],
  });
});

test("metrics under their names", async () => {
  const { get, hold, happen, metrics, status } = await apiFixture();
  const id = await hold({ seq: 1 });
  await happen("received", "arc-north", [id]);
  metrics.received(1, 40);
  metrics.dead("arc-south", "rejected", 2);
  status.agents.set("gw-1", { presence: HEARD, heardAtMs: Date.now() });
  const { body } = await get("/metrics");
  for (const line of [
    'alarm_hub_deliveries_open{center="arc-south",priority="high"} 1',
    'alarm_hub_receive_seconds_bucket{le="0.05",priority="high"} 1',
    'alarm_hub_dead_total{center="arc-south",reason="rejected"} 2',
    'alarm_hub_agents{state="connected"} 1',
    "alarm_hub_alarms_open 1",
  ]) {
    expect(body.split("\n")).toContain(line);
  }
});

test("openapi.json describes every route, with alarm, report and receipt as components", async () => {
  const { get } = await apiFixture();
  const { body } = await get("/openapi.json");
  expect(body.openapi).toBe("3.1.0");
  expect(Object.keys(body.paths).sort()).toEqual([
    "/healthz",
    "/livez",
    "/metrics",
    "/readyz",
    "/v1/agents",
    "/v1/alarms",
    "/v1/alarms/{id}",
    "/v1/alarms/{id}/acknowledgments",
    "/v1/centers",
    "/v1/dead",
    "/v1/dead/{id}/{center}/redrive",
    "/v1/events",
    "/v1/status",
  ]);
  for (const name of ["Alarm", "Report", "Receipt", "HeldAlarm"]) expect(body.components.schemas).toHaveProperty(name);
  const missing = referencesOf(body).filter((name) => !(name in body.components.schemas));
  expect(missing).toEqual([]);
  expect(referencesOf(body.paths)).toContain("HeldAlarm");
});

/** The names of all components that a document refers to; any other kind of reference is returned as it is. */
function referencesOf(document: unknown): string[] {
  if (typeof document !== "object" || document === null) return [];
  return Object.entries(document).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" ? [value.replace("#/components/schemas/", "")] : referencesOf(value),
  );
}
