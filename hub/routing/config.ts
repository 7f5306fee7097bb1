import type { FromSchema } from "json-schema-to-ts";
import { TOKEN_PATTERN } from "../../shared/alarm/identity.ts";

/**
 * What the router reads: the routes as a file says them (schemas and their types), and the same in one settled form
 * (`RoutingConfig`), in which single values are lists and `require` is a number. The settled form is plain JSON without
 * secrets: it is published as a version of the configuration, so that every hub routes an alarm the same way.
 */

/** The keys of a match whose values are patterns: `*` stands for any characters, `?` for one. */
export const PATTERN_KEYS = ["agent", "account", "area", "point", "category", "code", "event", "priority"] as const;
type PatternKey = (typeof PATTERN_KEYS)[number];

const pattern = { type: "string", format: "text", minLength: 1, maxLength: 128 } as const;
const patterns = {
  type: ["string", "array"],
  format: "text",
  minLength: 1,
  maxLength: 128,
  items: pattern,
  minItems: 1,
  maxItems: 10_000,
  description: "One pattern or a list, of which one must match. * stands for any characters, ? for one",
} as const;

const conditions = {
  agent: patterns,
  account: patterns,
  area: patterns,
  point: patterns,
  category: patterns,
  code: patterns,
  event: patterns,
  priority: patterns,
  test: { type: "boolean", description: "Made under test, or not" },
} as const;

const matchSchema = {
  type: "object",
  description: "Every key must match; without keys it matches every alarm",
  properties: {
    ...conditions,
    not: {
      type: "object",
      description: "What must not match: an alarm that matches all of its keys is passed over",
      properties: conditions,
      minProperties: 1,
      additionalProperties: false,
    },
  },
  additionalProperties: false,
} as const;

const deliverSchema = {
  type: "object",
  description: "The centers that get the alarm",
  properties: {
    to: {
      type: "array",
      example: ["arc-north"],
      items: { type: "string", pattern: TOKEN_PATTERN },
      minItems: 1,
      maxItems: 256,
      uniqueItems: true,
      description: "Ids of centers",
    },
    require: {
      type: ["string", "integer"],
      minimum: 1,
      pattern: "^(all|any)$",
      description: "How many of them must receive it before nothing more is owed: all (unless given), any or a number",
    },
  },
  required: ["to"],
  additionalProperties: false,
} as const;

export const routeSchema = {
  type: "object",
  properties: {
    name: { type: "string", format: "text", minLength: 1, maxLength: 64, description: "Names the route, once" },
    match: matchSchema,
    deliver: {
      ...deliverSchema,
      type: ["object", "string"],
      pattern: "^none$",
      description: "The centers that get the alarm, or none: it is recorded only",
    },
    continue: { type: "boolean", description: "Look for further routes that match as well; false unless given" },
  },
  required: ["name", "deliver"],
  additionalProperties: false,
} as const;

export const defaultRouteSchema = {
  type: "object",
  description: "Takes every alarm that no route takes: unknown accounts, and the relay's own alarms",
  properties: { deliver: deliverSchema },
  required: ["deliver"],
  additionalProperties: false,
} as const;

/** How the alarms of one center are framed on the wire. */
export const FRAMINGS = ["batch", "single"] as const;
export type Framing = (typeof FRAMINGS)[number];

type PatternsInFile = string | readonly string[];
type MatchKeysInFile = { [key in PatternKey]?: PatternsInFile } & { test?: boolean };
type MatchInFile = MatchKeysInFile & { not?: MatchKeysInFile };
type DeliverInFile = FromSchema<typeof deliverSchema>;

export interface DefaultRouteInFile {
  deliver: DeliverInFile;
}

/** A route as the file says it. */
export interface RouteInFile {
  name: string;
  match?: MatchInFile;
  deliver: DeliverInFile | "none";
  continue?: boolean;
}

/** What must hold of an alarm, all of it; of each list one pattern must match. */
export type MatchKeys = { [key in PatternKey]?: readonly string[] } & { test?: boolean };
export type Match = MatchKeys & { not?: MatchKeys };

export interface Deliver {
  to: readonly string[];
  /** How many of `to` must receive the alarm. */
  require: number;
}

export interface Route {
  name: string;
  match?: Match;
  deliver: Deliver | "none";
  /** Further routes that match apply as well. */
  continue: boolean;
}

/** All that routing depends on. */
export interface RoutingConfig {
  centers: readonly { id: string; framing: Framing }[];
  routes: readonly Route[];
  defaultRoute: Route;
}

/** The name under which the default route is recorded; no other route may have it. */
export const DEFAULT_ROUTE_NAME = "default";

/** The settled form of the default route. */
export function settleDefaultRoute({ deliver }: DefaultRouteInFile): Route {
  return { name: DEFAULT_ROUTE_NAME, deliver: settleDeliver(deliver), continue: false };
}

/** The settled form of a route that the schema has passed. */
export function settleRoute(route: RouteInFile): Route {
  return {
    name: route.name,
    ...(route.match === undefined ? {} : { match: settleMatch(route.match) }),
    deliver: route.deliver === "none" ? "none" : settleDeliver(route.deliver),
    continue: route.continue ?? false,
  };
}

/** Every single pattern becomes a list of one. */
function settleMatch(match: MatchInFile): Match {
  const settled: Match = settleKeys(match);
  if (match.not !== undefined) settled.not = settleKeys(match.not);
  return settled;
}

function settleKeys(conditions: MatchKeysInFile): MatchKeys {
  const settled: MatchKeys = {};
  for (const key of PATTERN_KEYS) {
    const value = conditions[key];
    if (value !== undefined) settled[key] = typeof value === "string" ? [value] : [...value];
  }
  if (conditions.test !== undefined) settled.test = conditions.test;
  return settled;
}

function settleDeliver(deliver: DeliverInFile): Deliver {
  const { to, require = "all" } = deliver;
  const count = require === "all" ? to.length : require === "any" ? 1 : Number(require);
  return { to: [...to], require: count };
}
