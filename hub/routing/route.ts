import type { Alarm } from "../../shared/alarm/alarm.ts";
import { type Match, type MatchKeys, PATTERN_KEYS, type Route, type RoutingConfig } from "./config.ts";

/**
 * Routing is pure: an alarm and the routes go in, the centers come out; no clock, no store, no network.
 *
 * Routes are tried in order. The first that matches decides, unless it says `continue: true`: then the later ones
 * are tried as well and their centers are added. Where none matched, the default route takes the alarm, so no alarm
 * is ever without a route; `deliver: none` is a decision (recorded only), not the lack of one.
 */
export interface Routed {
  /** The names of the routes that applied, joined by `+`. */
  route: string;
  centers: string[];
  /** How many of the centers must have received it until nothing more is owed to the edge. */
  require: number;
}

export type Router = (alarm: Partial<Alarm>) => Routed;

/**
 * Prepares the routes once; the router that comes back is called for every alarm. Alarms that one and the same route
 * takes get one and the same object.
 */
export function createRouter(config: RoutingConfig): Router {
  const routes = config.routes.map((route) => ({ route, matches: matcher(route.match), alone: combine([route]) }));
  const byDefault = combine([config.defaultRoute]);
  return (alarm) => {
    const applied: typeof routes = [];
    for (const candidate of routes) {
      if (!candidate.matches(alarm)) continue;
      applied.push(candidate);
      if (!candidate.route.continue) break;
    }
    const [only, another] = applied;
    if (only === undefined) return byDefault;
    return another === undefined ? only.alone : combine(applied.map(({ route }) => route));
  };
}

/** Routes one alarm; whoever routes many makes a router once. */
export function route(alarm: Partial<Alarm>, config: RoutingConfig): Routed {
  return createRouter(config)(alarm);
}

/**
 * One route's own requirement stands as it is written. Where several apply, every center of their union is required:
 * a count over the union could be met without any center of one of them.
 */
function combine(routes: readonly Route[]): Routed {
  const name = routes.map((applied) => applied.name).join("+");
  const deliveries = routes.flatMap(({ deliver }) => (deliver === "none" ? [] : [deliver]));
  const centers = [...new Set(deliveries.flatMap((deliver) => deliver.to))];
  const [only, another] = deliveries;
  const require = only !== undefined && another === undefined ? only.require : centers.length;
  return { route: name, centers, require: Math.min(require, centers.length) };
}

type Predicate = (alarm: Partial<Alarm>) => boolean;

/** Keys are joined by AND, the values of one key by OR, and `not` takes away what its own keys match. */
function matcher(match: Match | undefined): Predicate {
  if (match === undefined) return () => true;
  const { not, ...keys } = match;
  const wanted = keysMatcher(keys);
  if (not === undefined) return wanted;
  const unwanted = keysMatcher(not);
  return (alarm) => wanted(alarm) && !unwanted(alarm);
}

function keysMatcher(keys: MatchKeys): Predicate {
  const predicates: Predicate[] = [];
  for (const key of PATTERN_KEYS) {
    const globs = keys[key];
    if (globs === undefined) continue;
    const tests = globs.map(globToTest);
    predicates.push((alarm) => tests.some((test) => test(alarm[key] ?? "")));
  }
  if (keys.test !== undefined) {
    const wanted = keys.test;
    predicates.push((alarm) => (alarm.test === true || alarm.category === "test") === wanted);
  }
  return (alarm) => predicates.every((predicate) => predicate(alarm));
}

/** `*` stands for any characters, also none, and `?` for exactly one; everything else for itself. */
function globToTest(glob: string): (text: string) => boolean {
  if (!/[*?]/.test(glob)) return (text) => text === glob;
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const pattern = new RegExp(`^${source}$`, "su");
  return (text) => pattern.test(text);
}
