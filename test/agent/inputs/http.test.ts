import { expect, test } from "vitest";
import { call, post, startIntake, type TestIntake } from "./intake.ts";

const REPORT = { point: "kitchen", category: "fire" };

function stored({ queue }: TestIntake): number {
  return queue.summary().lastSeq;
}

test("a report is stored before it is answered, and can be read by its id", async () => {
  const intake = await startIntake();
  const answer = await post(intake.url, REPORT);
  expect(answer.status).toBe(201);
  expect(answer.body).toEqual({ id: expect.stringMatching(/^gw-1\.[a-z0-9]+\.1$/), duplicate: false });
  expect(answer.headers.get("location")).toBe(`/v1/alarms/${answer.body.id}`);
  const alarm = await call(`${intake.url}${answer.headers.get("location")}`);
  expect(alarm.body).toMatchObject({
    id: answer.body.id,
    agent: "gw-1",
    point: "kitchen",
    category: "fire",
    event: "raised",
    condition: "fire",
    priority: "critical",
    stages: { acceptedAt: alarm.body.acceptedAt, deliveries: [] },
  });
});

test("the body is JSON whatever its Content-Type says", async () => {
  const intake = await startIntake();
  for (const type of [
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/json; charset=utf-8",
    "nonsense;;",
  ]) {
    expect((await post(intake.url, REPORT, { "content-type": type })).status).toBe(201);
  }
  expect((await post(intake.url, new TextEncoder().encode(JSON.stringify(REPORT)))).status).toBe(201);
  expect(stored(intake)).toBe(5);
});

test("integers become text where identifiers are expected, and defaults fill what is missing", async () => {
  const intake = await startIntake({ config: { defaults: { account: "1234", category: "intrusion" } } });
  const { body } = await post(intake.url, { point: 7, area: 2 });
  const alarm = await call(`${intake.url}/v1/alarms/${body.id}`);
  expect(alarm.body).toMatchObject({ point: "7", area: "2", account: "1234", category: "intrusion" });
});

test("the same report again, by reportId or Idempotency-Key, is the same alarm", async () => {
  const intake = await startIntake();
  const first = await post(intake.url, { ...REPORT, reportId: "r1" });
  const again = await post(intake.url, { ...REPORT, reportId: "r1" });
  expect(again).toMatchObject({ status: 200, body: { id: first.body.id, duplicate: true } });
  expect(again.headers.get("location")).toBe(`/v1/alarms/${first.body.id}`);
  const byKey = await post(intake.url, REPORT, { "idempotency-key": '"r1"' });
  expect(byKey).toMatchObject({ status: 200, body: { id: first.body.id, duplicate: true } });
  const other = await post(intake.url, { ...REPORT, reportId: "r1" }, { "idempotency-key": "r2" });
  expect(other).toMatchObject({
    status: 400,
    body: { error: { code: "invalid_report", details: [{ path: "/reportId" }] } },
  });
  expect(stored(intake)).toBe(1);
});

const longText = "x".repeat(4096);
const attributes = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`a${i}`, longText]));

const BAD: { name: string; body: unknown; status: number; code: string; path?: string; message?: RegExp }[] = [
  {
    name: "broken JSON",
    body: '{"point": "a",\n "category": }',
    status: 400,
    code: "invalid_json",
    path: "",
    message: /line 2, column 14/,
  },
  { name: "no body", body: undefined, status: 400, code: "invalid_json" },
  { name: "bytes that are not UTF-8", body: new Uint8Array([0x22, 0xff, 0x22]), status: 400, code: "invalid_json" },
  { name: "a 2 MB body", body: `{"point":"${"x".repeat(2_000_000)}"}`, status: 413, code: "body_too_large" },
  {
    name: "an unknown field",
    body: { ...REPORT, colour: "red" },
    status: 400,
    code: "invalid_report",
    path: "/colour",
    message: /not a known key/,
  },
  { name: "a wrong type", body: { ...REPORT, test: "yes" }, status: 400, code: "invalid_report", path: "/test" },
  {
    name: "a category that does not exist",
    body: { point: "a", category: "flood" },
    status: 400,
    code: "invalid_report",
    path: "/category",
    message: /fire, gas/,
  },
  {
    name: "a date that is none",
    body: { ...REPORT, occurredAt: "2026-02-30T00:00:00Z" },
    status: 400,
    code: "invalid_report",
    path: "/occurredAt",
    message: /RFC 3339/,
  },
  {
    name: "NUL in text",
    body: '{"point":"a","category":"fire","text":"a\\u0000b"}',
    status: 400,
    code: "invalid_report",
    path: "/text",
  },
  {
    name: "a lone surrogate",
    body: '{"point":"a\\ud800","category":"fire"}',
    status: 400,
    code: "invalid_report",
    path: "/point",
  },
  {
    name: "a 70 KiB alarm",
    body: { ...REPORT, attributes },
    status: 413,
    code: "alarm_too_large",
    path: "/attributes",
  },
  { name: "what is missing", body: {}, status: 400, code: "invalid_report", path: "/point", message: /required/ },
  { name: "a report that is none", body: '"fire"', status: 400, code: "invalid_report", path: "" },
  {
    name: "__proto__",
    body: '{"point":"a","category":"fire","__proto__":{"text":"x"}}',
    status: 400,
    code: "invalid_report",
    path: "/__proto__",
  },
  {
    name: "1,001 reports",
    body: Array.from({ length: 1_001 }, () => REPORT),
    status: 413,
    code: "too_many_reports",
    message: /1001/,
  },
  { name: "an empty array", body: [], status: 400, code: "invalid_report" },
];

test.each(BAD)("$name is refused by name, and nothing is stored", async ({ body, status, code, path, message }) => {
  const intake = await startIntake();
  const answer = await post(intake.url, body);
  expect(answer.status).toBe(status);
  expect(answer.body.error).toMatchObject({ code, message: expect.any(String), details: expect.any(Array) });
  if (path !== undefined)
    expect(answer.body.error.details.map((detail: { path: string }) => detail.path)).toContain(path);
  if (message !== undefined) expect(JSON.stringify(answer.body.error)).toMatch(message);
  expect(stored(intake)).toBe(0);
  expect((await post(intake.url, REPORT)).status).toBe(201);
});

test("every mistake of a report is named at once", async () => {
  const intake = await startIntake();
  const { body } = await post(intake.url, { category: "flood", colour: 1, text: 5 });
  expect(body.error.details.map(({ path }: { path: string }) => path).sort()).toEqual([
    "/category",
    "/colour",
    "/point",
    "/text",
  ]);
});

test("of an array the good reports are stored, and each answer stands at its place", async () => {
  const intake = await startIntake();
  const { status, body } = await post(intake.url, [
    REPORT,
    { point: "b" },
    { ...REPORT, point: "c" },
    { ...REPORT, attributes },
  ]);
  expect(status).toBe(207);
  expect(body.results).toEqual([
    { status: 201, id: expect.any(String), duplicate: false },
    {
      status: 400,
      error: expect.objectContaining({
        code: "invalid_report",
        details: [{ path: "/1/category", message: "is required" }],
      }),
    },
    { status: 201, id: expect.any(String), duplicate: false },
    {
      status: 413,
      error: expect.objectContaining({
        code: "alarm_too_large",
        details: [expect.objectContaining({ path: "/3/attributes" })],
      }),
    },
  ]);
  expect(stored(intake)).toBe(2);
});

test("1,000 reports are stored in order with 201", async () => {
  const intake = await startIntake();
  const { status, body } = await post(
    intake.url,
    Array.from({ length: 1_000 }, (_, i) => ({ ...REPORT, point: `p${i}` })),
  );
  expect(status).toBe(201);
  expect(body.results.map(({ id }: { id: string }) => Number(id.split(".")[2]))).toEqual(
    Array.from({ length: 1_000 }, (_, i) => i + 1),
  );
});

test("a full queue answers 503 with Retry-After, and is not ready", async () => {
  const intake = await startIntake({ config: { queue: { rowsMax: 10, criticalReserve: "10%" } } });
  const answers = [];
  for (let i = 0; i < 20; i++) answers.push(await post(intake.url, { point: `p${i}`, category: "fire" }));
  const refused = answers.at(-1);
  expect(refused).toMatchObject({ status: 503, body: { error: { code: "queue_full" } } });
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await post(intake.url, [REPORT, REPORT])).toMatchObject({
    status: 503,
    body: { error: { code: "queue_full" } },
  });
  expect(await call(`${intake.url}/readyz`)).toMatchObject({
    status: 503,
    body: { reason: expect.stringMatching(/queue_full/) },
  });
  expect(await call(`${intake.url}/livez`)).toMatchObject({ status: 200 });
});

test("a request from a web page is refused", async () => {
  const intake = await startIntake();
  const answer = await post(intake.url, REPORT, { origin: "https://evil.example" });
  expect(answer).toMatchObject({ status: 403, body: { error: { code: "origin_refused" } } });
  expect(stored(intake)).toBe(0);
});
