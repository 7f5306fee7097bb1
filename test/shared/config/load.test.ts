// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables in a configuration are what is tested
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { agentConfigSchema, loadAgentConfig } from "../../../agent/config.ts";
import { exampleYaml } from "../../../shared/config/example.ts";
import { publishedSchema, type SchemaNode } from "../../../shared/config/schema.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const MINIMAL = "agent: gw-1\ndataDir: ./data\nnats: { servers: ['nats://hub:4222'] }\n";

function load(text: string, env: Record<string, string> = {}): ReturnType<typeof loadAgentConfig> {
  return loadAgentConfig({ text, env });
}

function mistakes(run: () => unknown): Record<string, string> {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(RelayError);
    expect((error as RelayError).code).toBe("invalid_config");
    return Object.fromEntries((error as RelayError).details.map(({ path, message }) => [path, message]));
  }
  throw new Error("the configuration was taken");
}

test("defaults fill what is missing, and units become numbers", () => {
  expect(load(MINIMAL)).toMatchObject({
    custody: "center",
    defaults: {},
    queue: { rowsMax: 1_000_000, bytesMax: 2 ** 30, criticalReserve: 0.1, keepConfirmedMs: 7 * 86_400_000 },
    heartbeatMs: 30_000,
    inputs: { http: { listen: { host: "127.0.0.1", port: 8081 } } },
    log: { level: "info", format: "auto" },
  });
});

test("every mistake is reported at once, each with its path", () => {
  const text = `
agent: gw.1
dataDir: ./data
nats: { servers: [hub], colour: red }
queue: { bytesMax: 1GB, criticalReserve: 200% }
heartbeat: 30
inputs:
  http: { listen: "8081" }
  mqtt:
    url: mqtt://broker
    subscriptions:
      - { topic: "a/#/b", levels: _/pt, report: "{ a" }
`;
  const found = mistakes(() => load(text));
  expect(Object.keys(found).sort()).toEqual([
    "agent",
    "heartbeat",
    "inputs.http.listen",
    "inputs.mqtt.subscriptions[0].levels",
    "inputs.mqtt.subscriptions[0].report",
    "inputs.mqtt.subscriptions[0].topic",
    "nats.colour",
    "nats.servers[0]",
    "queue.bytesMax",
    "queue.criticalReserve",
  ]);
  expect(found["heartbeat"]).toMatch(/with its unit/);
  expect(found["nats.servers[0]"]).toBe("must be a URL that begins with nats://, tls://, ws:// or wss://");
  expect(found["inputs.mqtt.subscriptions[0].report"]).toMatch(/JSONata/);
});

test("a key whose lines are all commented out counts as absent; one that takes a value does not", () => {
  const empty = "queue:\n  # rowsMax: 5\ninputs:\n  http:\n  mqtt:\n    # url: mqtt://a\ndefaults:\n";
  expect(load(MINIMAL + empty)).toEqual(load(MINIMAL));
  expect(mistakes(() => load("agent:\ndataDir: ./data\nnats:\n  servers:\n    # - nats://a\n"))).toEqual({
    agent: "must be string",
    "nats.servers": "is required",
  });
});

test("broken YAML is one sentence with line and column", () => {
  expect(() => load("agent: gw-1\nnats: [1,\nqueue: {}")).toThrow(/line 3, column \d+/);
  expect(() => load("agent: gw-1\nagent: gw-2")).toThrow(/line 2, column 1/);
  expect(() => load("- agent")).toThrow(/keys with values/);
});

test("${NAME} comes from the environment, $${NAME} stays, and a missing one is named", () => {
  expect(load(MINIMAL.replace("gw-1", "${HOSTNAME}"), { HOSTNAME: "gw-7" }).agent).toBe("gw-7");
  expect(load(`${MINIMAL}queue: { rowsMax: "\${ROWS}" }`, { ROWS: "500" }).queue.rowsMax).toBe(500);
  expect(load(`${MINIMAL}defaults: { text: "$\${A} \${A}" }`, { A: "x" }).defaults.text).toBe("${A} x");
  const found = mistakes(() => load(MINIMAL.replace("nats://hub", "nats://${HUB}")));
  expect(found).toEqual({ "nats.servers[0]": "needs the environment variable HUB, which is not set" });
});

test("variables set keys by their path, whatever the case of its letters", () => {
  const config = load(MINIMAL, {
    ALARM_AGENT_AGENT: "gw-9",
    ALARM_AGENT_QUEUE__ROWSMAX: "5",
    ALARM_AGENT_NATS__SERVERS: '["nats://a:1","nats://b:2"]',
    ALARM_AGENT_INPUTS__HTTP__LISTEN: "[::1]:9000",
    ALARM_AGENT_URL: "http://127.0.0.1:1",
    OTHER: "x",
  });
  expect(config).toMatchObject({
    agent: "gw-9",
    queue: { rowsMax: 5 },
    nats: { servers: ["nats://a:1", "nats://b:2"] },
    inputs: { http: { listen: { host: "::1", port: 9000 } } },
  });
});

test("a variable that sets nothing, or sets it wrongly, is a mistake that names it", () => {
  const found = mistakes(() =>
    load(MINIMAL, {
      ALARM_AGENT_QUEUE__ROWMAX: "5",
      ALARM_AGENT_QUEUE__ROWSMAX: "many",
      ALARM_AGENT_NATS__SERVERS: "nats://a:1",
    }),
  );
  expect(found).toEqual({
    ALARM_AGENT_QUEUE__ROWMAX: "is not a known key",
    "queue.rowsMax": expect.stringMatching(/ALARM_AGENT_QUEUE__ROWSMAX/),
    "nats.servers": expect.stringMatching(/JSON.*ALARM_AGENT_NATS__SERVERS/),
  });
});

test("a secret may stand in a file, and relative paths start at the folder of the configuration", () => {
  const dir = tempDir("config");
  writeFileSync(join(dir, "nats.pass"), "  s3cret\n");
  const file = join(dir, "agent.yaml");
  writeFileSync(file, MINIMAL.replace("}", ", user: gw, passwordFile: ./nats.pass, credentialsFile: gw.creds }"));
  const config = loadAgentConfig({ file, env: {} });
  expect(config.nats).toMatchObject({ user: "gw", password: "s3cret", credentialsFile: join(dir, "gw.creds") });
  expect(config.dataDir).toBe(join(dir, "data"));

  const missing = MINIMAL.replace("}", ", passwordFile: ./none, token: a, tokenFile: ./b }");
  expect(mistakes(() => load(missing))).toEqual({
    "nats.passwordFile": expect.stringMatching(/cannot be read.*none/),
    "nats.tokenFile": expect.stringMatching(/beside token/),
  });
});

test("without a file the environment alone may configure; a file that was named has to be there", () => {
  const file = join(tempDir("config"), "none.yaml");
  const env = { ALARM_AGENT_AGENT: "gw-1", ALARM_AGENT_DATADIR: "/data", ALARM_AGENT_NATS__SERVERS: '["nats://a:1"]' };
  expect(loadAgentConfig({ file, fileOptional: true, env }).agent).toBe("gw-1");
  expect(() => loadAgentConfig({ file, env })).toThrow(/there is no configuration/);
  expect(() => loadAgentConfig({ file, fileOptional: true, env: {} })).toThrow(/there is no configuration/);
});

test("the example loads, and so it does with everything in it that is a comment", () => {
  const example = exampleYaml(agentConfigSchema);
  expect(load(example)).toMatchObject({ agent: "gw-1", heartbeatMs: 30_000 });
  const whole = example
    .split("\n")
    .map((line) => line.replace(/^(\s*)# (?=(?:# | {2})*[\w-]+:(?: |$)|(?: {2})+)/, "$1"))
    .join("\n");
  const mqtt = load(whole.replaceAll(/^\s*# .*\n/gm, "").replaceAll(/^ *(tls|ca|cert|key|\w+File):.*\n/gm, "")).inputs
    .mqtt;
  expect(mqtt).toMatchObject({ url: "mqtt://127.0.0.1:1883", subscriptions: [{ topic: "alarms/+/+" }] });
});

test("the published schema shows the twin of every secret", () => {
  const { properties } = publishedSchema(agentConfigSchema as SchemaNode);
  expect(Object.keys(properties?.["nats"]?.properties ?? {})).toEqual(
    expect.arrayContaining(["password", "passwordFile", "tokenFile"]),
  );
});

test("user and password leave the URL of the MQTT broker, which is logged", () => {
  const mqtt = "inputs: { mqtt: { url: 'mqtt://relay:p%40ss@broker:1883', subscriptions: [{ topic: a }] } }";
  expect(load(`${MINIMAL}${mqtt}`).inputs.mqtt).toMatchObject({
    url: "mqtt://broker:1883",
    username: "relay",
    password: "p@ss",
    clientId: "alarm-relay-gw-1",
  });
});

test("a gateway cannot take the name under which the hub raises alarms", () => {
  expect(() => load("agent: hub\ndataDir: ./d\nnats: { servers: [nats://h:4222] }\n")).toThrow(
    expect.objectContaining({ details: [{ path: "agent", message: expect.stringContaining("must not be hub") }] }),
  );
});
