import type { FromSchema } from "json-schema-to-ts";
import { TOKEN_PATTERN } from "../shared/alarm/identity.ts";
import { reportProperties } from "../shared/alarm/report.ts";
import { type ListenAddress, listenAddress } from "../shared/config/listen.ts";
import { type ConfigSource, loadConfig } from "../shared/config/load.ts";
import { logSchema } from "../shared/config/log.ts";
import { natsTarget, natsTargetProperties } from "../shared/config/nats.ts";
import { durationMs, percentShare, sizeBytes } from "../shared/config/units.ts";
import type { NatsTarget } from "../shared/nats/target.ts";
import type { ErrorDetail } from "../shared/runtime/errors.ts";
import type { LogConfig } from "../shared/runtime/log.ts";
import { OWN_AGENT } from "../shared/wire/subjects.ts";
import { checkMqtt } from "./inputs/mqtt/check.ts";
import { mqttSchema } from "./inputs/mqtt/schema.ts";

export const AGENT_CONFIG_FILE = "/etc/alarm-relay/agent.yaml";
export const AGENT_ENV_PREFIX = "ALARM_AGENT_";

const { account, area, point, user, category, priority, codeSystem, text, test, attributes } = reportProperties;

/** The schema of agent.yaml. */
export const agentConfigSchema = {
  $id: "agent.config.schema.json",
  title: "agent.yaml",
  description: "The configuration of alarm-agent. Durations and sizes carry units.",
  type: "object",
  properties: {
    agent: {
      type: "string",
      pattern: TOKEN_PATTERN,
      description: "The name of this gateway, unique at the hub: the ids of its alarms begin with it",
      example: "gw-1",
    },
    dataDir: {
      type: "string",
      format: "path",
      description: "Where the queue lies; on a local disk, for one agent only",
      example: "./data/gw-1",
    },
    nats: {
      type: "object",
      description: "The way to the hub",
      properties: natsTargetProperties,
      required: ["servers"],
      additionalProperties: false,
    },
    custody: {
      enum: ["center", "hub"],
      default: "center",
      description: "Until when an alarm is kept here: until the centers that its route requires have it, or the hub",
    },
    defaults: {
      type: "object",
      default: {},
      example: { account: "1234" },
      description: "Fills fields that a report lacks",
      properties: { account, area, point, user, category, priority, codeSystem, text, test, attributes },
      additionalProperties: false,
    },
    queue: {
      type: "object",
      default: {},
      description: "Limits of the queue",
      properties: {
        rowsMax: { type: "integer", minimum: 1, default: 1_000_000, description: "The most alarms that it keeps" },
        bytesMax: { type: "string", format: "size", default: "1GiB", description: "The most that it takes on disk" },
        criticalReserve: {
          type: "string",
          format: "percent",
          default: "10%",
          description: "The share of both that only critical alarms may use",
        },
        keepConfirmed: {
          type: "string",
          format: "duration",
          default: "7d",
          description: "How long an alarm stays readable after it is settled",
        },
      },
      additionalProperties: false,
    },
    heartbeat: { type: "string", format: "duration", default: "30s", description: "How often the hub hears from us" },
    inputs: {
      type: "object",
      default: {},
      description: "Where reports come from",
      properties: {
        http: {
          type: "object",
          default: {},
          description: "POST /v1/alarms, and the interface that the commands use",
          properties: {
            listen: {
              type: "string",
              format: "listen",
              default: "127.0.0.1:8081",
              description: "Address and port; it has no login, so keep it on this machine or behind a proxy",
            },
          },
          additionalProperties: false,
        },
        mqtt: mqttSchema,
      },
      additionalProperties: false,
    },
    log: logSchema,
  },
  required: ["agent", "dataDir", "nats"],
  additionalProperties: false,
} as const;

type AgentYaml = FromSchema<typeof agentConfigSchema>;
type MqttYaml = NonNullable<AgentYaml["inputs"]["mqtt"]>;

export type MqttConfig = Omit<MqttYaml, "clientId"> & { clientId: string };
export type Subscription = MqttConfig["subscriptions"][number];

/** A configuration as the agent uses it: numbers instead of units, secrets read, paths absolute. */
export interface AgentConfig {
  agent: string;
  dataDir: string;
  nats: NatsTarget;
  custody: "center" | "hub";
  /** Fills fields that a report lacks. */
  defaults: AgentYaml["defaults"];
  queue: {
    rowsMax: number;
    bytesMax: number;
    /** From 0 to 1: the share of rows and bytes that only critical alarms may use. */
    criticalReserve: number;
    keepConfirmedMs: number;
  };
  heartbeatMs: number;
  inputs: { http: { listen: ListenAddress }; mqtt?: MqttConfig };
  log: LogConfig;
}

/** Reads agent.yaml. Throws one `invalid_config` with every mistake in its details. */
export function loadAgentConfig(source: Omit<ConfigSource, "envPrefix">): AgentConfig {
  const yaml = loadConfig<AgentYaml>(
    agentConfigSchema,
    { ...source, envPrefix: AGENT_ENV_PREFIX },
    { check: (file) => [...checkName(file), ...checkMqtt(file)] },
  );
  const { agent, dataDir, custody, defaults, queue, inputs, log } = yaml;
  return {
    agent,
    dataDir,
    nats: natsTarget(yaml.nats),
    custody,
    defaults,
    queue: {
      rowsMax: queue.rowsMax,
      bytesMax: sizeBytes(queue.bytesMax),
      criticalReserve: percentShare(queue.criticalReserve),
      keepConfirmedMs: durationMs(queue.keepConfirmed),
    },
    heartbeatMs: durationMs(yaml.heartbeat),
    inputs: {
      http: { listen: listenAddress(inputs.http.listen) },
      ...(inputs.mqtt === undefined ? {} : { mqtt: mqttConfig(inputs.mqtt, agent) }),
    },
    log,
  };
}

/** User and password move out of the URL, which appears in the log. */
function mqttConfig(mqtt: MqttYaml, agent: string): MqttConfig {
  const url = new URL(mqtt.url);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return {
    ...mqtt,
    url: url.href,
    clientId: mqtt.clientId ?? `alarm-relay-${agent}`,
    ...(username === "" || mqtt.username !== undefined ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" || mqtt.password !== undefined ? {} : { password: decodeURIComponent(password) }),
  };
}

/** The hub raises alarms too, as an agent of that name. */
function checkName(file: unknown): ErrorDetail[] {
  const agent = typeof file === "object" && file !== null ? (file as { agent?: unknown }).agent : undefined;
  return agent === OWN_AGENT
    ? [{ path: "agent", message: `must not be ${OWN_AGENT}: the hub's own alarms bear it` }]
    : [];
}
