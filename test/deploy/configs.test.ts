import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { loadAgentConfig } from "../../agent/config.ts";
import { loadHubConfig } from "../../hub/config.ts";

// What deploy/ ships is read by what reads it in the field.

const env = { NATS_HUB_PASSWORD: "hub-secret", NATS_GW_1_PASSWORD: "agent-secret" };

test("the containers' agent.yaml is valid and enters NATS as the accounts allow", () => {
  const config = loadAgentConfig({ file: "deploy/docker/agent.yaml", env });
  expect(config.nats).toMatchObject({ user: "gw-1", password: "agent-secret" });
  expect(config.dataDir).toBe("/data");
});

test("the containers' hub.yaml is valid and enters NATS as the accounts allow", () => {
  const config = loadHubConfig({ file: "deploy/docker/hub.yaml", env });
  expect(config.nats).toMatchObject({ kind: "servers", target: { user: "hub", password: "hub-secret" } });
});

interface Compose {
  services: Record<string, { environment?: Record<string, string>; volumes: string[]; ports: string[] }>;
  volumes: Record<string, null>;
}

test("compose.yaml gives each service the secrets that it reads, and publishes on loopback only", () => {
  const compose = parse(readFileSync("deploy/docker/compose.yaml", "utf8"), { merge: true }) as Compose;
  const { nats, hub, agent } = compose.services;
  const accounts = readFileSync("deploy/nats/accounts.conf", "utf8");
  const wanted = [...accounts.matchAll(/\$(NATS_\w+)/g)].map(([, name]) => name);
  expect(Object.keys(nats?.environment ?? {}).sort()).toEqual(wanted.sort());
  expect(hub?.environment).toHaveProperty("NATS_HUB_PASSWORD");
  expect(agent?.environment).toHaveProperty("NATS_GW_1_PASSWORD");
  for (const { ports, volumes } of Object.values(compose.services)) {
    expect(ports.every((port) => port.startsWith("127.0.0.1:"))).toBe(true);
    const named = volumes.map((volume) => volume.split(":")[0] as string).filter((name) => !name.startsWith("."));
    for (const name of named) expect(compose.volumes).toHaveProperty(name);
  }
});

test("the units keep to what ships: the commands, the user, the data directory", () => {
  const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as { bin: Record<string, string> };
  const sysusers = readFileSync("deploy/systemd/alarm-relay.sysusers.conf", "utf8");
  for (const [name, prefix] of [
    ["agent", "ALARM_AGENT_"],
    ["hub", "ALARM_HUB_"],
  ]) {
    const unit = readFileSync(`deploy/systemd/alarm-${name}.service`, "utf8");
    expect(bin).toHaveProperty(/^ExecStart=(\S+) run /m.exec(unit)?.[1] as string);
    expect(sysusers).toContain(`u ${/^User=(\S+)$/m.exec(unit)?.[1]} `);
    expect(unit).toContain(`Environment=${prefix}DATADIR=/var/lib/${/^StateDirectory=(\S+)$/m.exec(unit)?.[1]}`);
  }
});
