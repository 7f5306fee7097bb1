import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import type { WebhookConfig } from "../../../hub/connectors/config.ts";
import { Connectors } from "../../../hub/connectors/connectors.ts";
import { encodeHeader } from "../../../hub/connectors/webhook/message.ts";
import { decodeDelivery } from "../../../shared/wire/cloudevent.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, startTestHub, type TestHub } from "../../shared/center/test-hub.ts";

const SECRET = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const SECRET_BEFORE = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;

interface Posted {
  headers: IncomingHttpHeaders;
  body: string;
}

type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | "never";

/** A receiver: what it was POSTed, and what it answers. */
interface Receiver {
  url: string;
  posted: Posted[];
  answer: (posted: Posted) => Answer | Promise<Answer>;
}

async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = { url: "", posted: [], answer: () => ({ status: 204 }) };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const posted = { headers: request.headers, body: Buffer.concat(chunks).toString("utf8") };
      receiver.posted.push(posted);
      const answer = await receiver.answer(posted);
      if (answer === "never") return;
      const { status, body, headers } = answer;
      response.writeHead(status, headers).end(typeof body === "object" ? JSON.stringify(body) : body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  whenTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alarms`;
  return receiver;
}

interface Setup {
  hub: TestHub;
  receiver: Receiver;
  connectors: Connectors;
  configure(webhook: Partial<WebhookConfig>): Promise<void>;
}

async function setUp(webhook: Partial<WebhookConfig> = {}): Promise<Setup> {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const receiver = await startReceiver();
  const connectors = new Connectors({ target: { servers: [nats.url] }, dataDir: tempDir("webhook"), log: silentLog() });
  whenTestFinished(() => connectors.stop());
  const base: WebhookConfig = { url: receiver.url, secrets: [SECRET], format: "single", headers: {}, timeoutMs: 5_000 };
  const configure = (more: Partial<WebhookConfig>): Promise<void> =>
    connectors.configure([{ id: CENTER, framing: "batch", connector: { webhook: { ...base, ...more } } }]);
  await configure(webhook);
  return { hub, receiver, connectors, configure };
}

test("one alarm: a CloudEvent in binary mode, signed, and received by 2xx", async () => {
  const { hub, receiver } = await setUp({ headers: { authorization: "Bearer t" } });
  const sent = alarm(1, { point: "Zone 1 “Süd” 100%", text: "Rauch" });
  await hub.publish([sent]);
  await eventually("received", () => hub.answered("received").get(sent.id) === 1);
  expect(receiver.posted).toHaveLength(1);
  const { headers, body } = receiver.posted[0] as Posted;
  expect(headers).toMatchObject({
    "content-type": "application/json",
    authorization: "Bearer t",
    "ce-specversion": "1.0",
    "ce-id": sent.id,
    "ce-source": "/agents/gw-1",
    "ce-type": "alarm-relay.alarm.raised",
    "ce-subject": "Zone%201%20%E2%80%9CS%C3%BCd%E2%80%9D%20100%25",
    "ce-time": sent.acceptedAt,
    "ce-attempt": "1",
    "webhook-id": sent.id,
  });
  expect(JSON.parse(body)).toEqual(sent);
  expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(sent);
});

test("what comes again after a loss says so", async () => {
  const { hub, receiver } = await setUp({});
  await hub.publish([alarm(1)], { relayedAgain: true });
  await hub.publish([alarm(2)]);
  await eventually("posted", () => receiver.posted.length === 2);
  const marks = new Map(receiver.posted.map(({ headers }) => [headers["ce-id"], headers["ce-relayedagain"]]));
  expect(marks).toEqual(
    new Map([
      [alarm(1).id, "true"],
      [alarm(2).id, undefined],
    ]),
  );
});

test("while a secret is rotated both sign", async () => {
  const { hub, receiver } = await setUp({ secrets: [SECRET, SECRET_BEFORE] });
  await hub.publish([alarm(1)]);
  await eventually("posted", () => receiver.posted.length === 1);
  const { headers, body } = receiver.posted[0] as Posted;
  for (const secret of [SECRET, SECRET_BEFORE]) {
    expect(() => new Webhook(secret).verify(body, headers as Record<string, string>)).not.toThrow();
  }
  const other = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
  expect(() => new Webhook(other).verify(body, headers as Record<string, string>)).toThrow();
});

test("an answer can acknowledge", async () => {
  const { hub, receiver } = await setUp();
  receiver.answer = () => ({ status: 200, body: { acknowledged: { operator: "kim", note: "guard sent" } } });
  await hub.publish([alarm(1)]);
  await eventually("acknowledged", () => hub.answered("acknowledged").size === 1);
  await eventually("received", () => hub.answered("received").size === 1);
  expect(hub.receipts.find(({ type }) => type === "acknowledged")).toMatchObject({
    operator: "kim",
    note: "guard sent",
  });
});

test("an answer that only looks like an acknowledgment still receives", async () => {
  const { hub, receiver } = await setUp();
  receiver.answer = () => ({ status: 200, body: { acknowledged: { operator: "" } } });
  await hub.publish([alarm(1)]);
  await eventually("received", () => hub.answered("received").size === 1);
  expect(hub.answered("acknowledged").size).toBe(0);
});

test.each<[string, Answer, string]>([
  ["a reason in JSON", { status: 422, body: { reason: "unknown account" } }, "unknown account"],
  ["a reason as text", { status: 422, body: "not ours\u0000" }, "not ours"],
  ["no reason", { status: 422 }, "422 without a reason"],
])("422 rejects, with %s", async (_, answer, reason) => {
  const { hub, receiver } = await setUp();
  receiver.answer = () => answer;
  await hub.publish([alarm(1)]);
  await eventually("rejected", () => hub.answered("rejected").size === 1);
  expect(hub.receipts[0]).toMatchObject({ type: "rejected", reason });
});

test.each<[string, Answer, string | RegExp]>([
  ["401", { status: 401, body: "who are you" }, "it answered 401: who are you"],
  ["404", { status: 404 }, "it answered 404"],
  ["500", { status: 500, body: { error: "boom" } }, "it answered 500: boom"],
  ["a redirect", { status: 307, headers: { location: "/elsewhere" } }, "it answered 307"],
  ["silence", "never", "no answer within 200 ms"],
])("%s fails, to be tried again", async (_, answer, reason) => {
  const { hub, receiver } = await setUp({ timeoutMs: 200 });
  receiver.answer = () => answer;
  await hub.publish([alarm(1)]);
  await eventually("failed", () => hub.answered("failed").size === 1);
  expect(hub.receipts[0]).toMatchObject({ type: "failed", reason });
  receiver.answer = () => ({ status: 200 });
  await hub.publish([alarm(1)], { attempt: 2 });
  await eventually("received", () => hub.answered("received").size === 1);
  expect(receiver.posted.at(-1)?.headers["ce-attempt"]).toBe("2");
});

test("a receiver that is down fails, in words", async () => {
  const port = await freePort();
  const { hub } = await setUp({ url: `http://127.0.0.1:${port}/alarms` });
  await hub.publish([alarm(1)]);
  await eventually("failed", () => hub.answered("failed").size === 1);
  expect(hub.receipts[0]?.reason).toMatch(/^cannot be reached: .*ECONNREFUSED/);
});

test("a batch carries what waits, and each alarm is answered", async () => {
  const { hub, receiver } = await setUp({ format: "batch" });
  const alarms = Array.from({ length: 250 }, (_, i) => alarm(i + 1));
  await hub.publish(alarms);
  await eventually("all received", () => hub.answered("received").size === alarms.length);
  const sizes = receiver.posted.map(
    ({ body }) => decodeDelivery(body, "application/cloudevents-batch+json").alarms.length,
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(alarms.length);
  expect(Math.max(...sizes)).toBe(100);
  expect(receiver.posted[0]?.headers["content-type"]).toBe("application/cloudevents-batch+json");
  const { headers, body } = receiver.posted[0] as Posted;
  expect(() => new Webhook(SECRET).verify(body, headers as Record<string, string>)).not.toThrow();
});

test("a refused batch is taken apart: only the bad alarm is rejected", async () => {
  const { hub, receiver } = await setUp({ format: "batch" });
  receiver.answer = ({ body }) => (body.includes('"gw-1.e1.3"') ? { status: 422, body: "bad zone" } : { status: 200 });
  await hub.publish([1, 2, 3, 4].map((seq) => alarm(seq)));
  await eventually("all answered", () => hub.answered("received").size === 3 && hub.answered("rejected").size === 1);
  expect([...hub.answered("rejected").keys()]).toEqual(["gw-1.e1.3"]);
});

test("a changed configuration replaces the connector, an equal one does not", async () => {
  const { hub, receiver, configure, connectors } = await setUp();
  const second = await startReceiver();
  await configure({});
  await hub.publish([alarm(1)]);
  await eventually("first", () => receiver.posted.length === 1);
  await configure({ url: second.url });
  await hub.publish([alarm(2)]);
  await eventually("second", () => second.posted.length === 1);
  expect(receiver.posted).toHaveLength(1);
  await connectors.configure([]);
  await hub.publish([alarm(3)]);
  expect(second.posted).toHaveLength(1);
});

test("header values are encoded as the HTTP binding says", () => {
  expect(encodeHeader('Euro € 😀 "x" 5%')).toBe("Euro%20%E2%82%AC%20%F0%9F%98%80%20%22x%22%205%25");
  expect(encodeHeader("plain-zone_1!~")).toBe("plain-zone_1!~");
});
