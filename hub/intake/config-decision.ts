import { TOKEN_PATTERN } from "../../shared/alarm/identity.ts";
import { validator } from "../../shared/schema/validate.ts";
import type { EffectiveAfter } from "../ledger/config-versions.ts";
import { FRAMINGS, PATTERN_KEYS, type RoutingConfig } from "../routing/config.ts";

/** From that place of ALARMS on, alarms are routed by this version. */
export interface ConfigDecision {
  version: number;
  routing: RoutingConfig;
  effectiveAfter: EffectiveAfter;
}

const patterns = { type: "array", items: { type: "string" } } as const;
const conditions = {
  ...Object.fromEntries(PATTERN_KEYS.map((key) => [key, patterns])),
  test: { type: "boolean" },
} as const;
const match = {
  type: "object",
  properties: { ...conditions, not: { type: "object", properties: conditions } },
} as const;
const deliver = {
  type: "object",
  properties: {
    to: { type: "array", items: { type: "string", pattern: TOKEN_PATTERN } },
    require: { type: "integer", minimum: 0 },
  },
  required: ["to", "require"],
} as const;
const route = {
  type: "object",
  properties: {
    name: { type: "string" },
    match,
    deliver: { anyOf: [deliver, { const: "none" }] },
    continue: { type: "boolean" },
  },
  required: ["name", "deliver", "continue"],
} as const;

/**
 * A version of the routing as it lies in DECISIONS. Every alarm behind it depends on it, in this ledger and in each that
 * is built anew: what the router could not work with must not come into force.
 */
export const validateConfigDecision = validator<ConfigDecision>({
  type: "object",
  properties: {
    version: { type: "integer", minimum: 1 },
    routing: {
      type: "object",
      properties: {
        centers: {
          type: "array",
          items: {
            type: "object",
            properties: { id: { type: "string", pattern: TOKEN_PATTERN }, framing: { enum: FRAMINGS } },
            required: ["id", "framing"],
          },
        },
        routes: { type: "array", items: route },
        defaultRoute: route,
      },
      required: ["centers", "routes", "defaultRoute"],
    },
    effectiveAfter: {
      type: "array",
      items: {
        type: "object",
        properties: { streamCreatedAt: { type: "string" }, seq: { type: "integer", minimum: 0 } },
        required: ["streamCreatedAt", "seq"],
      },
    },
  },
  required: ["version", "routing", "effectiveAfter"],
});
