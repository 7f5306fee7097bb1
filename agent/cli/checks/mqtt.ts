import type { MqttConfig } from "../../config.ts";
import { tryConnect } from "../../inputs/mqtt/connection.ts";
import { checkReachable, endpointOf } from "./network.ts";
import { type Finding, failed, ok } from "./types.ts";

const PORTS: Record<string, number> = { "mqtt:": 1883, "mqtts:": 8883, "ws:": 80, "wss:": 443 };

/** The MQTT broker: name, port, and whether it takes our user. */
export async function checkMqttBroker(config: MqttConfig): Promise<Finding[]> {
  const endpoint = endpointOf(config.url, PORTS[new URL(config.url).protocol] ?? 1883);
  const reachable = (await checkReachable(endpoint)).map((finding) => ({ ...finding, name: `mqtt ${finding.name}` }));
  if (reachable.some(({ kind }) => kind === "failed")) return reachable;
  const reason = await tryConnect(config);
  if (reason === undefined) return [...reachable, ok("mqtt login", "accepted by the broker")];
  return [...reachable, failed("mqtt login", reason, "check inputs.mqtt: url, username, password and tls")];
}
