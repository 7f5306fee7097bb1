import mqtt from "mqtt";
import { expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { startAedes } from "../../helpers/mqtt-broker.ts";
import { startTcpProxy } from "../../helpers/tcp-proxy.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { startIntake } from "./intake.ts";

const HALF_OPEN_MS_MAX = 25_000;

test("a broker that is silent behind an open connection is found within 25 s, and what it kept comes", async () => {
  const broker = await startAedes();
  const proxy = await startTcpProxy(Number(new URL(broker.url).port));
  const subscriptions = [{ topic: "alarms/+/+", levels: "_/account/point" }];
  const { inputs, queue } = await startIntake({
    config: {
      inputs: { http: { listen: "127.0.0.1:0" }, mqtt: { url: `mqtt://${proxy.address}`, subscriptions } },
    },
  });
  const reasons = (): string => inputs.all.map(({ downReason }) => downReason ?? "").join("");
  await eventually("the MQTT input is up", () => reasons() === "");
  const device = await mqtt.connectAsync(broker.url);
  whenTestFinished(() => device.endAsync(true));

  proxy.halfOpen();
  const startMs = performance.now();
  await device.publishAsync("alarms/1/door", JSON.stringify({ category: "intrusion", reportId: "one" }), { qos: 1 });
  await eventually("it is found", () => reasons() !== "", { timeoutMs: HALF_OPEN_MS_MAX + 5_000 });
  expect(performance.now() - startMs).toBeLessThan(HALF_OPEN_MS_MAX);
  expect(queue.list({ point: "door", limit: 1 }).items).toEqual([]);
  proxy.resume();
  await eventually("the message is taken", () => queue.list({ point: "door", limit: 1 }).items[0], {
    timeoutMs: 20_000,
  });
}, 90_000);
