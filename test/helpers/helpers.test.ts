import { connect as connectSocket } from "node:net";
import { connect } from "nats";
import { expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { startNats } from "./nats.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

test("a nats-server keeps its port and its streams over a kill and a restart", async () => {
  const nats = await startNats();
  const first = await connect({ servers: nats.url });
  await (await first.jetstreamManager()).streams.add({ name: "S", subjects: ["s"] });
  await first.jetstream().publish("s", "one");
  await first.close();
  const { port } = nats;
  await nats.kill();
  await nats.restart();
  expect(nats.port).toBe(port);
  const second = await connect({ servers: nats.url });
  const info = await (await second.jetstreamManager()).streams.info("S");
  expect(info.state.messages).toBe(1);
  await second.close();
});

test("a paused nats-server does not answer until it is resumed", async () => {
  const nats = await startNats();
  const nc = await connect({ servers: nats.url });
  await nats.pause();
  const late = await Promise.race([nc.rtt(), new Promise((resolve) => setTimeout(() => resolve("none"), 200))]);
  expect(late).toBe("none");
  nats.resume();
  expect(await nc.rtt()).toBeGreaterThanOrEqual(0);
  await nc.close();
});

test("the proxy forwards, slows, holds back, and cuts", async () => {
  const nats = await startNats();
  const proxy = await startTcpProxy(nats.port);
  const nc = await connect({ servers: `nats://${proxy.address}`, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
  proxy.slow(100);
  expect(await nc.rtt()).toBeGreaterThan(190);
  proxy.slow(0);
  proxy.halfOpen();
  let answered = false;
  const ping = nc.rtt().then(() => {
    answered = true;
  });
  const raw = connectSocket(proxy.port, "127.0.0.1");
  let heard = "";
  raw.on("data", (chunk) => {
    heard += chunk.toString();
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(answered).toBe(false);
  expect(heard).toBe("");
  proxy.resume();
  await ping;
  await eventually("the held greeting arrives", () => heard.startsWith("INFO"));
  const ended = new Promise<string>((resolve) => raw.once("error", (error) => resolve(error.message)));
  proxy.cut();
  expect(await ended).toContain("ECONNRESET");
  proxy.resume();
  await eventually("the client is back", () => nc.rtt());
  await nc.close();
});

test("eventually names the fact and the last error", async () => {
  const waiting = eventually("pigs fly", () => Promise.reject(new Error("no wings")), { timeoutMs: 50 });
  await expect(waiting).rejects.toThrow("not within 50 ms: pigs fly (no wings)");
});
