import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHub } from "../../../hub/hub.ts";
import { freePort } from "../../helpers/free-port.ts";
import { hubConfig } from "../../helpers/hub.ts";
import { startAedes } from "../../helpers/mqtt-broker.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { alarmAgent } from "./run-cli.ts";

interface Check {
  name: string;
  kind: "ok" | "unknown" | "failed";
  message: string;
  remedy?: string;
}

async function check(config: object): Promise<{ code: number | null; checks: Check[] }> {
  const file = join(tempDir("check"), "agent.yaml");
  const http = { listen: `127.0.0.1:${await freePort()}` };
  writeFileSync(file, JSON.stringify({ agent: "gw-1", dataDir: "./data", inputs: { http }, ...config }));
  const { code, stdout } = await alarmAgent("check", "-c", file, "--json");
  return { code, checks: (JSON.parse(stdout) as { checks: Check[] }).checks };
}

function kinds(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, kind }) => [name, kind]));
}

test("with everything in order every check passes", async () => {
  const nats = await startNats();
  const hub = createHub(hubConfig({ natsUrl: nats.url, dataDir: tempDir("hub"), centers: ["arc-north"] }), {
    log: silentLog(),
  });
  whenTestFinished(() => hub.stop());
  await hub.start();
  const mqtt = await startAedes();
  const { code, checks } = await check({
    nats: { servers: [nats.url] },
    inputs: {
      http: { listen: `127.0.0.1:${await freePort()}` },
      mqtt: { url: mqtt.url, subscriptions: [{ topic: "a" }] },
    },
  });
  expect(kinds(checks)).toEqual({
    config: "ok",
    space: "ok",
    sync: "ok",
    http: "ok",
    dns: "ok",
    tcp: "ok",
    credentials: "ok",
    hub: "ok",
    clock: "ok",
    "mqtt dns": "ok",
    "mqtt tcp": "ok",
    "mqtt login": "ok",
  });
  expect(checks.find(({ name }) => name === "clock")?.message).toMatch(/^\d+ ms (ahead of|behind) the hub's$/);
  expect(code).toBe(0);
  // To be asked by a check is not to hear from the gateway.
  expect(await (await fetch(`${hub.url}/v1/agents`)).json()).toEqual({ items: [] });
});

test("what fails says what to do, and the command fails", async () => {
  const nats = await startNats({ config: "authorization { user: gw, password: right }" });
  const wrong = await check({ nats: { servers: [nats.url], user: "gw", password: "wrong" } });
  expect(wrong.code).toBe(1);
  expect(wrong.checks.find(({ name }) => name === "credentials")).toMatchObject({
    kind: "failed",
    message: expect.stringMatching(/refused the credentials/),
    remedy: expect.stringMatching(/credentialsFile/),
  });
  const hubless = await check({ nats: { servers: [nats.url], user: "gw", password: "right" } });
  expect(hubless.code).toBe(1);
  expect(hubless.checks.find(({ name }) => name === "hub")).toMatchObject({
    kind: "failed",
    message: "no hub is connected to this NATS",
    remedy: expect.stringMatching(/alarm-hub status/),
  });
  const nobody = await check({ nats: { servers: [`nats://127.0.0.1:${await freePort()}`] } });
  expect(nobody.checks.find(({ name }) => name === "tcp")).toMatchObject({
    kind: "failed",
    message: expect.stringMatching(/ECONNREFUSED/),
  });
  const nameless = await check({ nats: { servers: ["nats://nothing.invalid:4222"] } });
  expect(nameless.checks.find(({ name }) => name === "dns")).toMatchObject({ kind: "failed" });
  const config = await check({ agent: "gw.1", nats: { servers: [] } });
  expect(config).toMatchObject({ code: 1, checks: [{ name: "config", kind: "failed" }] });
});

test("without --json it is one line each", async () => {
  const file = join(tempDir("check"), "agent.yaml");
  writeFileSync(file, "agent: gw.1\n");
  const { code, stdout } = await alarmAgent("check", "-c", file);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL {2}config /);
  expect(stdout).toMatch(/-> correct these/);
});
