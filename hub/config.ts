import type { FromSchema } from "json-schema-to-ts";
import { TOKEN_PATTERN } from "../shared/alarm/identity.ts";
import { type ListenAddress, listenAddress } from "../shared/config/listen.ts";
import { type ConfigSource, loadConfig } from "../shared/config/load.ts";
import { logSchema } from "../shared/config/log.ts";
import { natsTarget, natsTargetProperties } from "../shared/config/nats.ts";
import { durationMs } from "../shared/config/units.ts";
import type { NatsTarget } from "../shared/nats/target.ts";
import type { ErrorDetail } from "../shared/runtime/errors.ts";
import type { LogConfig } from "../shared/runtime/log.ts";
import { validator } from "../shared/schema/validate.ts";
import { type ConnectorConfig, connectorConfig, connectorProblems, connectorSchema } from "./connectors/config.ts";
import { routingProblems } from "./routing/check.ts";
import {
  type DefaultRouteInFile,
  defaultRouteSchema,
  FRAMINGS,
  type Framing,
  type RouteInFile,
  type RoutingConfig,
  routeSchema,
  settleDefaultRoute,
  settleRoute,
} from "./routing/config.ts";

export const HUB_CONFIG_FILE = "/etc/alarm-relay/hub.yaml";
export const HUB_ENV_PREFIX = "ALARM_HUB_";

const natsSchema = {
  type: "object",
  description: "The broker: one that the hub brings along (embedded), or servers that are there already",
  properties: {
    embedded: {
      type: "object",
      description: "A nats-server that the hub runs itself",
      properties: {
        port: { type: "integer", minimum: 0, maximum: 65_535, default: 4222, description: "0 takes any free port" },
        host: { type: "string", minLength: 1, description: "Where it listens; this machine only unless given" },
        dataDir: { type: "string", format: "path", description: "Where it keeps its streams", example: "./data/nats" },
      },
      required: ["dataDir"],
      additionalProperties: false,
    },
    ...natsTargetProperties,
    replicas: {
      type: "integer",
      minimum: 1,
      maximum: 5,
      description: "On how many servers of a cluster each stream is kept; 1 unless given",
    },
  },
  example: { embedded: { port: 4222, dataDir: "./data/nats" } },
  additionalProperties: false,
} as const;

const centerSchema = {
  type: "object",
  properties: {
    id: {
      type: "string",
      pattern: TOKEN_PATTERN,
      description: "The name under which the center connects",
      example: "arc-north",
    },
    framing: {
      enum: FRAMINGS,
      default: "batch",
      description: "batch: many alarms per message. single: one CloudEvent per message, for clients that are not ours",
    },
    connector: connectorSchema,
  },
  required: ["id"],
  additionalProperties: false,
} as const;

/** hub.yaml, as JSON Schema. */
export const hubSchema = {
  title: "hub.yaml",
  description: "The hub of the alarm relay: takes alarms from agents, fans them out to centers, tracks who has them.",
  type: "object",
  properties: {
    nats: natsSchema,
    dataDir: { type: "string", format: "path", description: "Where the hub keeps its ledger", example: "./data/hub" },
    http: {
      type: "object",
      description: "The hub's HTTP interface",
      default: {},
      properties: {
        listen: {
          type: "string",
          format: "listen",
          default: "127.0.0.1:8080",
          description: "Address and port; it has no authentication of its own",
        },
      },
      additionalProperties: false,
    },
    keepClosed: {
      type: "string",
      format: "duration",
      default: "400d",
      description: "How long closed alarms stay in the ledger",
    },
    centers: {
      type: "array",
      items: centerSchema,
      minItems: 1,
      maxItems: 256,
      description: "Who receives alarms",
    },
    defaultRoute: { ...defaultRouteSchema, example: { deliver: { to: ["arc-north"] } } },
    routes: {
      type: "array",
      items: routeSchema,
      maxItems: 10_000,
      default: [],
      description:
        "Tried in order; the first that matches wins, unless it says continue: true. A match has the keys agent, account, " +
        "area, point, category, code, event, priority and test, each a pattern or a list of them, and not: { ... }",
      example: [
        {
          name: "fire",
          match: { category: ["fire", "gas"], account: ["10*"] },
          deliver: { to: ["arc-north"], require: "all" },
        },
        { name: "openings", match: { category: ["open-close"] }, deliver: "none" },
      ],
    },
    log: logSchema,
  },
  required: ["nats", "dataDir", "centers", "defaultRoute"],
  additionalProperties: false,
} as const;

type CenterInFile = FromSchema<typeof centerSchema>;

/** What the loader hands over once the schema and the checks have passed. */
interface HubFile {
  nats: FromSchema<typeof natsSchema>;
  dataDir: string;
  http: { listen: string };
  keepClosed: string;
  centers: CenterInFile[];
  defaultRoute: DefaultRouteInFile;
  routes: RouteInFile[];
  log: LogConfig;
}

/** The broker that the hub runs itself. */
interface EmbeddedNats {
  port: number;
  dataDir: string;
  host: string | undefined;
}

export interface CenterConfig {
  id: string;
  framing: Framing;
  /** Absent for a center that connects by itself. */
  connector: ConnectorConfig | undefined;
}

/** A hub's configuration: complete, checked, paths absolute, times in milliseconds. */
export interface HubConfig {
  nats: { kind: "embedded"; embedded: EmbeddedNats } | { kind: "servers"; target: NatsTarget; replicas: number };
  dataDir: string;
  http: { listen: ListenAddress };
  keepClosedMs: number;
  centers: readonly CenterConfig[];
  /** Without secrets: what is published as a version of the configuration. */
  routing: RoutingConfig;
  log: LogConfig;
}

/** Reads hub.yaml. Throws one `invalid_config` that lists every mistake with its path. */
export function loadHubConfig(source: Omit<ConfigSource, "envPrefix">): HubConfig {
  const file = loadConfig<HubFile>(hubSchema, { ...source, envPrefix: HUB_ENV_PREFIX }, { check });
  return {
    nats: natsOf(file.nats),
    dataDir: file.dataDir,
    http: { listen: listenAddress(file.http.listen) },
    keepClosedMs: durationMs(file.keepClosed),
    centers: file.centers.map(centerOf),
    routing: {
      centers: file.centers.map(({ id, framing }) => ({ id, framing })),
      routes: file.routes.map(settleRoute),
      defaultRoute: settleDefaultRoute(file.defaultRoute),
    },
    log: file.log,
  };
}

function natsOf({ embedded, replicas, servers, ...entry }: HubFile["nats"]): HubConfig["nats"] {
  if (embedded !== undefined) {
    return { kind: "embedded", embedded: { port: embedded.port, dataDir: embedded.dataDir, host: embedded.host } };
  }
  return { kind: "servers", target: natsTarget({ ...entry, servers: servers ?? [] }), replicas: replicas ?? 1 };
}

function centerOf({ id, framing, connector }: CenterInFile): CenterConfig {
  return { id, framing, connector: connector === undefined ? undefined : connectorConfig(connector) };
}

const validateRoute = validator<RouteInFile>(routeSchema);
const validateDefaultRoute = validator<DefaultRouteInFile>(defaultRouteSchema);

/** What the schema cannot say. What it refuses is passed over here, so that all mistakes are told at once. */
function check(value: unknown): ErrorDetail[] {
  const file = value as Record<string, unknown>;
  const centers = listOf(file["centers"]);
  const defaultRoute = validateDefaultRoute(file["defaultRoute"]);
  return [
    ...natsProblems(file["nats"]),
    ...centers.flatMap((center, i) => connectorProblems(`centers[${i}].connector`, fieldOf(center, "connector"))),
    ...routingProblems({
      centers: centers.map((center) => {
        const id = fieldOf(center, "id");
        return typeof id === "string" ? id : undefined;
      }),
      routes: listOf(file["routes"]).map((route) => {
        const checked = validateRoute(route);
        return checked.ok ? settleRoute(checked.value) : undefined;
      }),
      defaultRoute: defaultRoute.ok ? settleDefaultRoute(defaultRoute.value) : undefined,
    }),
  ];
}

function natsProblems(nats: unknown): ErrorDetail[] {
  if (typeof nats !== "object" || nats === null) return [];
  const { embedded, ...others } = nats as Record<string, unknown>;
  if (embedded === undefined) {
    if (others["servers"] !== undefined) return [];
    return [{ path: "nats", message: "needs either embedded or servers" }];
  }
  return Object.keys(others)
    .filter((key) => Object.hasOwn(natsSchema.properties, key))
    .map((key) => ({ path: `nats.${key}`, message: "stands beside embedded; give only one of the two" }));
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
