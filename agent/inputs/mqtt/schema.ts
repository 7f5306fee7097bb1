const subscriptionSchema = {
  type: "object",
  properties: {
    topic: { type: "string", minLength: 1, description: "An MQTT topic filter", example: "alarms/+/+" },
    levels: {
      type: "string",
      minLength: 1,
      description: "Which field each level of the topic fills, _ for none; the payload wins",
      example: "_/account/point",
    },
    retained: {
      enum: ["ignore", "accept"],
      default: "ignore",
      description: "What to do with retained messages, which come again at every reconnect",
    },
    payload: { enum: ["json", "text"], default: "json", description: "How the payload is read" },
    onChange: {
      type: "boolean",
      default: false,
      description: "Take a report only if the last message of its topic held none like it",
    },
    report: {
      type: "string",
      minLength: 1,
      description: "JSONata that makes a report of the payload, or several, or none; $topic holds the topic's levels",
      example: '$exists(alarm) ? { "point": $topic[1], "category": "fire", "event": alarm ? "raised" : "cleared" }',
    },
  },
  required: ["topic"],
  additionalProperties: false,
} as const;

/** `inputs.mqtt` of agent.yaml. */
export const mqttSchema = {
  type: "object",
  description: "Reports from an MQTT broker",
  properties: {
    url: {
      type: "string",
      format: "uri",
      pattern: "^(mqtt|mqtts|ws|wss)://",
      description: "The broker",
      example: "mqtt://127.0.0.1:1883",
    },
    clientId: {
      type: "string",
      minLength: 1,
      maxLength: 128,
      description: "alarm-relay-<agent> unless given. It must stay the same: the broker keeps our session under it",
      example: "alarm-relay-gw-1",
    },
    username: { type: "string", description: "The user at the broker", example: "relay" },
    password: { type: "string", secret: true, description: "The user's password" },
    tls: {
      type: "object",
      description: "TLS to the broker, with a url that begins with mqtts: or wss:",
      properties: {
        ca: { type: "string", format: "path", description: "Certificates to trust", example: "./mqtt-ca.pem" },
        cert: { type: "string", format: "path", description: "Our certificate", example: "./mqtt.pem" },
        key: { type: "string", format: "path", description: "The key of our certificate", example: "./mqtt.key" },
      },
      additionalProperties: false,
    },
    subscriptions: { type: "array", minItems: 1, description: "What to listen to", items: subscriptionSchema },
    status: {
      type: "string",
      minLength: 1,
      description: "Retained online/offline goes to this topic, each alarm's stages to topics below it",
      example: "alarm-relay/gw-1",
    },
  },
  required: ["url", "subscriptions"],
  additionalProperties: false,
} as const;
