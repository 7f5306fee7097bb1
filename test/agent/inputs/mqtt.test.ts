import mqtt, { type MqttClient } from "mqtt";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { hasMosquitto, startAedes, startMosquitto, type TestBroker } from "../../helpers/mqtt-broker.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { call, post, startIntake, type TestIntake } from "./intake.ts";

const devices: MqttClient[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) await device.endAsync(true);
});

async function connectDevice(broker: TestBroker): Promise<MqttClient> {
  const device = await mqtt.connectAsync(broker.url, { reconnectPeriod: 100, ...broker.user });
  devices.push(device);
  return device;
}

function publish(device: MqttClient, topic: string, payload: unknown, retain = false): Promise<unknown> {
  const text = typeof payload === "string" || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  return device.publishAsync(topic, text, { qos: 1, retain });
}

const SUBSCRIPTIONS: object[] = [{ topic: "alarms/+/+", levels: "_/account/point" }];

async function startMqttIntake(
  broker: TestBroker,
  options: { mqtt?: object; config?: object; dataDir?: string } = {},
): Promise<TestIntake> {
  const intake = await startIntake({
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    config: {
      inputs: {
        http: { listen: "127.0.0.1:0" },
        mqtt: { url: broker.url, subscriptions: SUBSCRIPTIONS, ...broker.user, ...options.mqtt },
      },
      ...options.config,
    },
  });
  await eventually("the MQTT input is up", () => intake.inputs.all.every((input) => input.downReason === undefined));
  return intake;
}

const reports = (intake: TestIntake): string[] =>
  [...intake.queue.iterate({})].filter(({ category }) => category !== "technical").map(({ point }) => point);

function accepted(intake: TestIntake, count: number): Promise<unknown> {
  return eventually(`${count} reports are accepted`, () => reports(intake).length >= count);
}

const brokers = [
  { name: "aedes", start: startAedes, available: true },
  { name: "mosquitto", start: () => startMosquitto(), available: hasMosquitto() },
];

describe.each(brokers)("with $name", ({ start, available }) => {
  const it = test.skipIf(!available);

  it("a message is an alarm: fields from the topic, and the payload wins", async () => {
    const broker = await start();
    const intake = await startMqttIntake(broker);
    const device = await connectDevice(broker);
    await publish(device, "alarms/1001/hall", { category: "fire" });
    await publish(device, "alarms/1001/hall", { category: "fire", point: "cellar", account: 77 });
    await accepted(intake, 2);
    const [first, second] = [...intake.queue.iterate({})];
    expect(first).toMatchObject({ account: "1001", point: "hall", category: "fire", event: "raised" });
    expect(second).toMatchObject({ account: "77", point: "cellar" });
  });

  it("a payload that is no report goes to the quarantine, and the next one is taken", async () => {
    const broker = await start();
    const intake = await startMqttIntake(broker);
    const device = await connectDevice(broker);
    await publish(device, "alarms/1/a", "{broken");
    await publish(device, "alarms/1/b", { category: "flood" });
    await publish(device, "alarms/1/c", Buffer.from([0xff, 0xfe]));
    await publish(device, "alarms/1/d", { category: "fire" });
    await accepted(intake, 1);
    expect(reports(intake)).toEqual(["d"]);
    const { items } = intake.queue.quarantined({ limit: 10 });
    expect(items.map(({ source }) => source).sort()).toEqual(["alarms/1/a", "alarms/1/b", "alarms/1/c"]);
    const reasons = items.map(({ reason }) => reason).join("\n");
    expect(reasons).toMatch(/line 1, column 2/);
    expect(reasons).toMatch(/\/category must be one of/);
    expect(reasons).toMatch(/UTF-8/);
    const metrics = await (await fetch(`${intake.url}/metrics`)).text();
    expect(metrics).toMatch(/alarm_agent_refused_total\{input="mqtt",reason="quarantined"\} 3/);
    expect(metrics).toMatch(/alarm_agent_accepted_total\{input="mqtt"\} 1/);
  });

  it("of an array the good reports are taken, and the rest is in the quarantine", async () => {
    const broker = await start();
    const intake = await startMqttIntake(broker);
    const device = await connectDevice(broker);
    await publish(device, "alarms/1/a", [
      { category: "fire", point: "x" },
      { category: "no" },
      { category: "gas", point: "y" },
    ]);
    await accepted(intake, 2);
    expect(reports(intake)).toEqual(["x", "y"]);
    expect(intake.queue.quarantined({ limit: 10 }).items).toMatchObject([
      { reason: expect.stringMatching(/\/1\/category/), payload: '[{"category":"no"}]', source: "alarms/1/a" },
    ]);
  });

  it("what is retried of a list is only what could not be read", async () => {
    const broker = await start();
    const dataDir = tempDir("queue");
    const subscription = (report: string) => ({
      mqtt: { subscriptions: [{ topic: "z/+", onChange: true, report }] },
      dataDir,
    });
    const intake = await startMqttIntake(broker, subscription('many.{ "point": $, "category": "fire" }'));
    const device = await connectDevice(broker);
    await publish(device, "z/x", { many: ["m1", 2.5, "m3", false] });
    await accepted(intake, 2);
    expect(intake.queue.quarantined({ limit: 10 }).items).toMatchObject([{ n: 1, source: "z/x#1,3" }]);
    const retry = () => fetch(`${intake.url}/v1/quarantine/1/retry`, { method: "POST" });
    expect((await retry()).status).toBe(400);
    await intake.stop();
    const mended = await startMqttIntake(broker, subscription('many.{ "point": $string($), "category": "fire" }'));
    expect((await fetch(`${mended.url}/v1/quarantine/1/retry`, { method: "POST" })).status).toBe(200);
    expect(reports(mended)).toEqual(["m1", "m3", "2.5", "false"]);
  });

  it("JSONata makes reports: one, none, or several; $topic holds the levels", async () => {
    const broker = await start();
    const report =
      '$exists(contact) ? { "point": $topic[1], "category": "intrusion", "event": contact ? "cleared" : "raised" } : $exists(many) ? many.{ "point": $, "category": "fire" }';
    const intake = await startMqttIntake(broker, { mqtt: { subscriptions: [{ topic: "zigbee2mqtt/+", report }] } });
    const device = await connectDevice(broker);
    await publish(device, "zigbee2mqtt/door", { battery: 90 });
    await publish(device, "zigbee2mqtt/door", { contact: false });
    await publish(device, "zigbee2mqtt/x", { many: ["m1", "m2"] });
    await accepted(intake, 3);
    const all = [...intake.queue.iterate({})].map(({ point, category, event }) => [point, category, event]);
    expect(all).toEqual([
      ["door", "intrusion", "raised"],
      ["m1", "fire", "raised"],
      ["m2", "fire", "raised"],
    ]);
    expect(intake.queue.quarantined({ limit: 10 }).items).toEqual([]);
  });

  it("onChange takes a report only when it differs from the last of its topic, also over a restart", async () => {
    const broker = await start();
    const dataDir = tempDir("queue");
    const mqttOptions = {
      subscriptions: [
        {
          topic: "z/+",
          onChange: true,
          report: '{ "point": $topic[1], "category": "intrusion", "event": contact ? "cleared" : "raised" }',
        },
      ],
    };
    const intake = await startMqttIntake(broker, { mqtt: mqttOptions, dataDir });
    const device = await connectDevice(broker);
    for (const contact of [false, false, true, true, false])
      await publish(device, "z/door", { contact, linkquality: Math.random() });
    await publish(device, "z/end", { contact: false });
    await accepted(intake, 4);
    await intake.stop();
    const again = await startMqttIntake(broker, { mqtt: mqttOptions, dataDir });
    await publish(device, "z/door", { contact: false });
    await publish(device, "z/end", { contact: true });
    await accepted(again, 5);
    expect([...again.queue.iterate({})].map(({ point, event }) => `${point} ${event}`)).toEqual([
      "door raised",
      "door cleared",
      "door raised",
      "end raised",
      "end cleared",
    ]);
  });

  it("retained messages are ignored unless they are asked for", async () => {
    const broker = await start();
    const device = await connectDevice(broker);
    await publish(device, "alarms/1/old", { category: "fire" }, true);
    await publish(device, "taken/1/old", { category: "fire" }, true);
    const subscriptions = [...SUBSCRIPTIONS, { topic: "taken/+/+", levels: "_/account/point", retained: "accept" }];
    const intake = await startMqttIntake(broker, { mqtt: { subscriptions } });
    await publish(device, "alarms/1/new", { category: "fire" });
    await accepted(intake, 2);
    expect([...intake.queue.iterate({})].map(({ point }) => point).sort()).toEqual(["new", "old"]);
  });

  it("text payloads become the text of a report, and an empty message is none", async () => {
    const broker = await start();
    const subscriptions = [{ topic: "text/+", payload: "text", levels: "_/point" }];
    const intake = await startMqttIntake(broker, {
      mqtt: { subscriptions },
      config: { defaults: { category: "technical", account: "9" } },
    });
    const device = await connectDevice(broker);
    await publish(device, "text/pump", "");
    await publish(device, "text/pump", "pressure low");
    await eventually("it is accepted", () => intake.queue.summary().lastSeq >= 1);
    expect([...intake.queue.iterate({})]).toMatchObject([
      { point: "pump", text: "pressure low", category: "technical", account: "9" },
    ]);
  });

  it("what is published while the agent is away comes when it is back, once each", async () => {
    const broker = await start();
    const dataDir = tempDir("queue");
    const first = await startMqttIntake(broker, { dataDir });
    await first.stop();
    const device = await connectDevice(broker);
    for (let i = 0; i < 50; i++) await publish(device, `alarms/1/p${i}`, { category: "fire" });
    const second = await startMqttIntake(broker, { dataDir });
    await accepted(second, 50);
    expect(reports(second)).toEqual(Array.from({ length: 50 }, (_, i) => `p${i}`));
  });

  it("a full queue gives no PUBACK and ends the connection; the broker keeps the message", async () => {
    const broker = await start();
    const dataDir = tempDir("queue");
    const intake = await startMqttIntake(broker, { dataDir, config: { queue: { rowsMax: 5, criticalReserve: "0%" } } });
    const device = await connectDevice(broker);
    for (let i = 0; i < 10; i++) await publish(device, `alarms/1/p${i}`, { category: "fire" });
    const reason = await eventually(
      "the input says why",
      () => intake.inputs.all.find(({ name }) => name === "mqtt")?.downReason,
    );
    expect(reason).toMatch(/could not be stored: the queue is full/);
    await intake.stop();
    const roomy = await startMqttIntake(broker, { dataDir });
    await accepted(roomy, 10);
    expect(new Set(reports(roomy)).size).toBe(10);
    expect(reports(roomy)).toHaveLength(10);
  });

  it("a broker that goes away and comes back is found again", async () => {
    const broker = await start();
    const intake = await startMqttIntake(broker);
    await broker.stop();
    const mqttInput = intake.inputs.all.find(({ name }) => name === "mqtt");
    await eventually("it is noticed", () => mqttInput?.downReason !== undefined);
    expect(await call(`${intake.url}/healthz`)).toMatchObject({ status: 503, body: { status: "failing" } });
    await broker.restart();
    await eventually("it is back", () => mqttInput?.downReason === undefined);
    const device = await connectDevice(broker);
    await publish(device, "alarms/1/back", { category: "fire" });
    await accepted(intake, 1);
  });

  it("the status topic says online and offline, and below it each alarm's stages", async () => {
    const broker = await start();
    const device = await connectDevice(broker);
    const heard: [topic: string, payload: string][] = [];
    device.on("message", (topic, payload) => heard.push([topic, String(payload)]));
    await device.subscribeAsync("alarm-relay/#", { qos: 1 });
    const intake = await startMqttIntake(broker, { mqtt: { status: "alarm-relay/gw-1" } });
    await eventually("online", () =>
      heard.some(([topic, payload]) => topic === "alarm-relay/gw-1" && payload === "online"),
    );
    const { body } = await post(intake.url, { point: "a", category: "fire" });
    const [, payload] = await eventually("the stage", () =>
      heard.find(([topic]) => topic === `alarm-relay/gw-1/alarms/${body.id}`),
    );
    expect(JSON.parse(payload)).toEqual({ id: body.id, stage: "accepted", at: expect.any(String) });
    await intake.stop();
    await eventually("offline", () =>
      heard.some(([topic, text]) => topic === "alarm-relay/gw-1" && text === "offline"),
    );
  });

  it("a quarantined payload is read again by the configuration of today", async () => {
    const broker = await start();
    const dataDir = tempDir("queue");
    const before = await startMqttIntake(broker, { dataDir });
    const device = await connectDevice(broker);
    await publish(device, "alarms/1/a", { kind: "smoke" });
    await eventually("it is kept", () => before.queue.summary().quarantined === 1);
    const { n } = before.queue.quarantined({ limit: 1 }).items[0] as { n: number };
    expect(await call(`${before.url}/v1/quarantine/${n}/retry`, { method: "POST" })).toMatchObject({
      status: 400,
      body: { error: { code: "invalid_report" } },
    });
    await before.stop();
    const subscriptions = [
      { topic: "alarms/+/+", levels: "_/account/point", report: '{ "category": kind = "smoke" ? "fire" : "other" }' },
    ];
    const after = await startMqttIntake(broker, { dataDir, mqtt: { subscriptions } });
    const answer = await call(`${after.url}/v1/quarantine/${n}/retry`, { method: "POST" });
    expect(answer).toMatchObject({ status: 200, body: { results: [{ id: expect.any(String), duplicate: false }] } });
    expect(after.queue.get(answer.body.results[0].id)).toMatchObject({ point: "a", account: "1", category: "fire" });
    expect(after.queue.summary().quarantined).toBe(0);
    expect(await call(`${after.url}/v1/quarantine/${n}/retry`, { method: "POST" })).toMatchObject({ status: 404 });
  });
});

test.skipIf(!hasMosquitto())("a wrong password is one sentence, and the right one is taken", async () => {
  const broker = await startMosquitto({ user: { username: "relay", password: "right" } });
  const mqttConfig = { url: broker.url, subscriptions: SUBSCRIPTIONS, username: "relay", password: "wrong" };
  const refused = await startIntake({ config: { inputs: { http: { listen: "127.0.0.1:0" }, mqtt: mqttConfig } } });
  const input = refused.inputs.all.find(({ name }) => name === "mqtt");
  await eventually("it says why", () => /refused the user or the password/.test(input?.downReason ?? ""));
  await startMqttIntake(broker);
});
