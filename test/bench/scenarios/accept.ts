import { freePort } from "../../helpers/free-port.ts";
import { cpuSecondsOf } from "../child.ts";
import type { HttpLoad, HttpLoadResult } from "../processes/http-load.ts";
import { BenchRelay, NO_LINK } from "../relay.ts";
import { atLeast, type Measurement, type Scenario } from "../scenario.ts";

/**
 * What one agent accepts, each report synced before its answer. Its link is down: relaying would take of the same two
 * cores. The devices are a process of their own; what that uses is stated, since it must not be what limits.
 */
export const accept: Scenario = {
  name: "accept",
  title: "reports accepted by one agent, synced before the answer",
  runs: (quick) => (quick ? 1 : 5),
  bars: [
    atLeast("HTTP, one by one on 64 connections", 8_000, "alarms/s"),
    atLeast("HTTP, arrays of 100", 60_000, "alarms/s"),
    atLeast("MQTT, QoS 1", 3_000, "alarms/s"),
  ],
  run: async ({ quick }) => [...(await overHttp(quick)), ...(await overMqtt(quick))],
};

async function overHttp(quick: boolean): Promise<Measurement[]> {
  const relay = await BenchRelay.create();
  try {
    const { url, pid } = await relay.startAgent({ ...NO_LINK, queue: { rowsMax: 5_000_000, bytesMax: "8GiB" } });
    const load = await relay.startHelper("http-load");
    const measure = async (name: string, what: Omit<HttpLoad, "url">): Promise<Measurement[]> => {
      await load.call("post", { ...what, url, requests: what.requests / 10 });
      const cpuBefore = cpuSecondsOf(pid);
      const { seconds, cpuSeconds } = await load.call<HttpLoadResult>("post", { ...what, url });
      return [
        { name, unit: "alarms/s", value: (what.requests * what.reportsPerRequest) / seconds },
        { name: `${name}: CPU of the agent`, unit: "%", value: ((cpuSecondsOf(pid) - cpuBefore) / seconds) * 100 },
        { name: `${name}: CPU of the devices`, unit: "%", value: (cpuSeconds / seconds) * 100 },
      ];
    };
    const factor = quick ? 1 : 10;
    return [
      ...(await measure("HTTP, one by one on 64 connections", {
        connections: 64,
        reportsPerRequest: 1,
        requests: 10_000 * factor,
      })),
      ...(await measure("HTTP, arrays of 100", { connections: 4, reportsPerRequest: 100, requests: 500 * factor })),
    ];
  } finally {
    await relay.stop();
  }
}

async function overMqtt(quick: boolean): Promise<Measurement[]> {
  const port = await freePort();
  const relay = await BenchRelay.create({ mqttUrl: `mqtt://127.0.0.1:${port}` });
  try {
    const broker = await relay.startHelper("broker", [String(port)]);
    const { pid } = await relay.startAgent(NO_LINK);
    const count = quick ? 5_000 : 50_000;
    await broker.call("publish", count / 10);
    const before = [pid, broker.pid].map(cpuSecondsOf);
    const seconds = await broker.call<number>("publish", count);
    const [agentCpu = 0, brokerCpu = 0] = [pid, broker.pid].map((each, i) => cpuSecondsOf(each) - (before[i] ?? 0));
    return [
      { name: "MQTT, QoS 1", unit: "alarms/s", value: count / seconds },
      { name: "MQTT, QoS 1: CPU of the agent", unit: "%", value: (agentCpu / seconds) * 100 },
      { name: "MQTT, QoS 1: CPU of the broker", unit: "%", value: (brokerCpu / seconds) * 100 },
    ];
  } finally {
    await relay.stop();
  }
}
