import { expect, test } from "vitest";
import { call, post, startIntake } from "../inputs/intake.ts";

interface Item {
  id: string;
  point: string;
}

test("alarms are listed newest first, a page at a time, and filtered", async () => {
  const { url } = await startIntake();
  const reports = Array.from({ length: 25 }, (_, i) => ({ point: `p${i}`, category: "fire", account: `${i % 2}` }));
  await post(url, reports);
  const seen: string[] = [];
  let cursor = "";
  do {
    const { status, body } = await call(`${url}/v1/alarms?limit=10${cursor}`);
    expect(status).toBe(200);
    seen.push(...body.items.map(({ point }: Item) => point));
    cursor = body.nextCursor === undefined ? "" : `&cursor=${body.nextCursor}`;
  } while (cursor !== "");
  expect(seen).toEqual(reports.map(({ point }) => point).reverse());
  const filtered = await call(`${url}/v1/alarms?account=1&stage=accepted`);
  expect(filtered.body.items).toHaveLength(12);
  expect((await call(`${url}/v1/alarms?point=p3`)).body.items.map(({ point }: Item) => point)).toEqual(["p3"]);
  expect((await call(`${url}/v1/alarms?stage=settled`)).body).toEqual({ items: [] });
});

test("a wrong query names each parameter", async () => {
  const { url } = await startIntake();
  const { status, body } = await call(`${url}/v1/alarms?limit=0&stage=lost&color=red&cursor=x`);
  expect(status).toBe(400);
  expect(body.error.code).toBe("bad_request");
  expect(body.error.details.map(({ path }: { path: string }) => path).sort()).toEqual([
    "color",
    "cursor",
    "limit",
    "stage",
  ]);
  expect((await call(`${url}/v1/alarms?limit=10&limit=20`)).status).toBe(400);
});

test("an alarm that does not exist is 404, whatever the id looks like", async () => {
  const { url } = await startIntake();
  for (const id of ["gw-1.abc.1", "nonsense", "%00", "a%2Fb", "x".repeat(256)]) {
    expect(await call(`${url}/v1/alarms/${id}`)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  }
});

test("the export holds every alarm, oldest first", async () => {
  const { url } = await startIntake();
  await post(
    url,
    Array.from({ length: 1_000 }, (_, i) => ({ point: `p${i}`, category: "test" })),
  );
  const answer = await fetch(`${url}/v1/export`);
  expect(answer.headers.get("content-type")).toMatch(/ndjson/);
  const lines = (await answer.text()).trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as Item).point)).toEqual(
    Array.from({ length: 1_000 }, (_, i) => `p${i}`),
  );
});

test("the queue counts what it holds, and metrics say the same", async () => {
  const { url, queue } = await startIntake();
  await post(url, [
    { point: "a", category: "fire" },
    { point: "b", category: "intrusion" },
    { point: "c", category: "nothing" },
  ]);
  const { body } = await call(`${url}/v1/queue`);
  expect(body).toMatchObject({
    rows: { critical: { accepted: 1 }, high: { accepted: 1 }, medium: { accepted: 0 }, low: { accepted: 0 } },
    lastSeq: 2,
    epoch: queue.epoch,
    epochs: [[queue.epoch, 1, 2]],
    quarantined: 0,
  });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('alarm_agent_queue_rows{priority="critical",stage="accepted"} 1');
  expect(metrics).toContain('alarm_agent_accepted_total{input="http"} 2');
  expect(metrics).toContain('alarm_agent_refused_total{input="http",reason="invalid_report"} 1');
  expect(metrics).toMatch(/alarm_agent_oldest_unsettled_seconds \d/);
  expect(metrics).toMatch(/process_resident_memory_bytes \d/);
  // Counters must not grow by being read.
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('alarm_agent_accepted_total{input="http"} 2');
});

test("alarms are relayed again on request", async () => {
  const { url } = await startIntake();
  await post(url, [{ point: "a", category: "fire" }]);
  const answer = await call(`${url}/v1/queue/retry`, { method: "POST", body: { ids: ["gw-1.x.1"] } });
  expect(answer).toMatchObject({ status: 200, body: { relayedAgain: 0 } });
  expect(await call(`${url}/v1/queue/retry`, { method: "POST" })).toMatchObject({ status: 200 });
  expect(await call(`${url}/v1/queue/retry`, { method: "POST", body: { id: "x" } })).toMatchObject({
    status: 400,
    body: { error: { details: [{ path: "/id" }] } },
  });
});

test("health is told in words", async () => {
  const { url } = await startIntake();
  expect(await call(`${url}/livez`)).toMatchObject({ status: 200, body: { status: "ok" } });
  expect(await call(`${url}/readyz`)).toMatchObject({ status: 200, body: { status: "ok" } });
  expect(await call(`${url}/healthz`)).toMatchObject({ status: 200, body: { status: "ok" } });
  const { body } = await call(`${url}/v1/status`);
  expect(body).toMatchObject({ agent: "gw-1", custody: "center", version: expect.any(String), queue: { lastSeq: 0 } });
  expect(body.checks).toContainEqual({ name: "http", ok: true });
});

test("what pages ask is refused, also for reading", async () => {
  const { url } = await startIntake();
  const answer = await call(`${url}/v1/alarms`, { headers: { origin: "http://127.0.0.1:8081" } });
  expect(answer).toMatchObject({ status: 403, body: { error: { code: "origin_refused" } } });
});
