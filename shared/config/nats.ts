import type { FromSchema } from "json-schema-to-ts";
import type { NatsTarget } from "../nats/target.ts";

/** The keys by which an agent or a hub reaches and enters a NATS system. */
export const natsTargetProperties = {
  servers: {
    type: "array",
    items: { type: "string", pattern: "^(nats|tls|ws|wss)://[^\\s]+$" },
    minItems: 1,
    description: "Where NATS listens; the first that answers is used",
    example: ["nats://hub.example.com:4222"],
  },
  credentialsFile: {
    type: "string",
    format: "path",
    description: "The NATS credentials (.creds) to enter with",
    example: "./gw-1.creds",
  },
  user: { type: "string", description: "A NATS user, where there are no credentials", example: "relay" },
  password: { type: "string", secret: true, description: "The password of `user`" },
  token: { type: "string", secret: true, description: "A NATS token, where there is no user" },
  tls: {
    type: "object",
    description: "TLS to NATS",
    properties: {
      ca: { type: "string", format: "path", description: "Certificates to trust", example: "./ca.pem" },
      cert: { type: "string", format: "path", description: "Our certificate", example: "./gw-1.pem" },
      key: { type: "string", format: "path", description: "The key of our certificate", example: "./gw-1.key" },
    },
    additionalProperties: false,
  },
} as const;

const natsTargetSchema = {
  type: "object",
  properties: natsTargetProperties,
  required: ["servers"],
  additionalProperties: false,
} as const;

/** `nats` of a loaded configuration. */
type NatsTargetConfig = FromSchema<typeof natsTargetSchema>;

/** The target of a link, from a configuration that the schema has checked. */
export function natsTarget(config: NatsTargetConfig): NatsTarget {
  const { servers, credentialsFile, user, password, token, tls } = config;
  return { servers, credentialsFile, user, password, token, tls };
}
