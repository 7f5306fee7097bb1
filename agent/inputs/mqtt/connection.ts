import { readFileSync } from "node:fs";
import type { IClientOptions, MqttClient } from "mqtt";
import { messageOf, RelayError } from "../../../shared/runtime/errors.ts";
import type { MqttConfig } from "../../config.ts";
import { loadConnect } from "./client.ts";

const CONNECT_MS_MAX = 10_000;
/** A broker that is silent for one and a half times this is gone: 22.5 s. */
const KEEPALIVE_S = 15;
const LEAVE_MS_MAX = 1_000;
/** A broker that ends a connection this soon has another reason than the network. */
const TAKEN_OVER_WITHIN_MS = 5_000;
const REFUSED_SUBSCRIPTION = 128;

/** Begins to connect to the broker, as the agent's own session. */
export async function openClient(config: MqttConfig): Promise<MqttClient> {
  const connect = await loadConnect();
  return connect(config.url, clientOptions(config));
}

/**
 * Connects under another client id, which leaves the session of a running agent alone, and goes again. Resolves with
 * why the broker could not be entered, in words; undefined if it could.
 */
export async function tryConnect(config: MqttConfig): Promise<string | undefined> {
  const connect = await loadConnect();
  const { will: _will, ...options } = clientOptions(config);
  const client = connect(config.url, { ...options, clientId: `${config.clientId}-check`, clean: true });
  let reason: string | undefined;
  return new Promise((resolve) => {
    client.once("connect", () => {
      client.end(true);
      resolve(undefined);
    });
    client.on("error", (error) => {
      reason ??= wordsFor(error, config.url);
    });
    client.once("close", () => {
      client.end(true);
      resolve(reason ?? endedByBroker(config, undefined));
    });
  });
}

function clientOptions(config: MqttConfig): IClientOptions {
  const { clientId, username, password, tls, status } = config;
  return {
    // MQTT 3.1.1: every broker speaks it, and nothing of 5 is needed.
    protocolVersion: 4,
    clientId,
    clean: false,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_MS_MAX,
    // Reconnecting is ours: with a delay that grows, and a new client each time.
    reconnectPeriod: 0,
    resubscribe: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // Read at each connection, so that a renewed certificate is taken.
    ...(tls?.ca === undefined ? {} : { ca: readFileSync(tls.ca) }),
    ...(tls?.cert === undefined ? {} : { cert: readFileSync(tls.cert) }),
    ...(tls?.key === undefined ? {} : { key: readFileSync(tls.key) }),
    ...(status === undefined ? {} : { will: { topic: status, payload: Buffer.from("offline"), qos: 1, retain: true } }),
  };
}

/** Subscribes at QoS 1, also where the broker still has the session: the configuration may have changed. */
export async function subscribe(client: MqttClient, config: MqttConfig): Promise<void> {
  const topics = [...new Set(config.subscriptions.map(({ topic }) => topic))];
  const granted = await client.subscribeAsync(topics, { qos: 1 });
  const refused = granted.filter(({ qos }) => (qos as number) === REFUSED_SUBSCRIPTION).map(({ topic }) => topic);
  if (refused.length > 0) {
    throw new RelayError("not_connected", `the broker refuses the subscription to ${refused.join(", ")}`);
  }
}

/** Says that we go. After a clean DISCONNECT the broker does not publish the will, so we do. */
export async function leave(client: MqttClient, config: MqttConfig): Promise<void> {
  if (!client.connected) return;
  if (config.status !== undefined) client.publish(config.status, "offline", { qos: 0, retain: true });
  await Promise.race([client.endAsync(), new Promise((resolve) => setTimeout(resolve, LEAVE_MS_MAX).unref())]);
}

export function wordsFor(error: Error & { code?: unknown }, url: string): string {
  const { code } = error;
  if (code === "ECONNREFUSED") return `nothing listens at ${url}`;
  if (code === "ENOTFOUND") return `the host of ${url} has no address`;
  // Return codes of CONNACK, MQTT 3.1.1 section 3.2.2.3.
  if (code === 4 || code === 5) return `${url} refused the user or the password; check inputs.mqtt.username`;
  if (code === 2) return `${url} refused the clientId`;
  return `${url}: ${messageOf(error) || String(code)}`;
}

export function endedByBroker({ url, clientId }: MqttConfig, connectedAtMs: number | undefined): string {
  if (connectedAtMs === undefined) return `${url} did not answer as an MQTT broker within ${CONNECT_MS_MAX / 1_000} s`;
  const soon = performance.now() - connectedAtMs < TAKEN_OVER_WITHIN_MS;
  const guess = soon ? `; if it happens again and again, another client uses the clientId ${clientId}` : "";
  return `${url} ended the connection${guess}`;
}
