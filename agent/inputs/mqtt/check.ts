import { type ErrorDetail, messageOf } from "../../../shared/runtime/errors.ts";
import { compileExpression } from "./expression.ts";
import { isTopicFilter, LEVEL_FIELDS } from "./topic.ts";

/**
 * What the schema of agent.yaml cannot say about its MQTT input: topic filters, the fields of `levels`, and whether
 * each JSONata expression compiles. `config` is whatever was read, right or wrong.
 */
export function checkMqtt(config: unknown): ErrorDetail[] {
  const mqtt = child(child(config, "inputs"), "mqtt");
  const subscriptions = child(mqtt, "subscriptions");
  const details: ErrorDetail[] = [];
  const status = child(mqtt, "status");
  if (typeof status === "string" && /[+#\0]/.test(status)) {
    details.push({ path: "inputs.mqtt.status", message: "must be a topic without wildcards" });
  }
  if (!Array.isArray(subscriptions)) return details;
  for (const [i, subscription] of subscriptions.entries()) {
    for (const [key, message] of checkSubscription(subscription)) {
      details.push({ path: `inputs.mqtt.subscriptions[${i}].${key}`, message });
    }
  }
  return details;
}

function* checkSubscription(subscription: unknown): Generator<[key: string, message: string]> {
  const topic = child(subscription, "topic");
  if (typeof topic === "string" && topic !== "" && !isTopicFilter(topic)) {
    yield ["topic", "must be an MQTT topic filter: + stands alone in a level, # alone in the last"];
  }
  const levels = child(subscription, "levels");
  if (typeof levels === "string") {
    const known: readonly string[] = LEVEL_FIELDS;
    const unknown = levels.split("/").filter((field) => field !== "_" && !known.includes(field));
    if (unknown.length > 0) {
      yield ["levels", `names ${unknown.join(", ") || "an empty field"}; a level is _ or one of ${known.join(", ")}`];
    }
  }
  const report = child(subscription, "report");
  if (typeof report === "string" && report !== "") {
    try {
      compileExpression(report);
    } catch (error) {
      yield ["report", `is no JSONata: ${messageOf(error)}`];
    }
  }
}

function child(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Record<string, unknown>)[key];
}
