import { CATEGORIES, PRIORITIES } from "../../shared/alarm/priority.ts";
import { DEFAULT_ROUTE_NAME, type Match, type MatchKeys, PATTERN_KEYS, type Route } from "./config.ts";

/** One mistake in the centers or routes, with its place in the file, such as `routes[0].name`. */
export interface RoutingProblem {
  path: string;
  message: string;
}

/** A routing that may have holes: what a schema has refused is left out, and the rest is looked at all the same. */
export interface RoutingDraft {
  /** The ids of the centers. */
  centers: readonly (string | undefined)[];
  routes: readonly (Route | undefined)[];
  defaultRoute: Route | undefined;
}

/** What a schema cannot see: names that are not declared or not unique, and routes that no alarm can reach. */
export function routingProblems(draft: RoutingDraft): RoutingProblem[] {
  return [...centerProblems(draft), ...deliverProblems(draft), ...nameProblems(draft), ...matchProblems(draft)];
}

function centerProblems({ centers }: RoutingDraft): RoutingProblem[] {
  return repeated(centers).map((i) => ({ path: `centers[${i}].id`, message: `${centers[i]} is declared twice` }));
}

function deliverProblems(draft: RoutingDraft): RoutingProblem[] {
  const declared = new Set(draft.centers);
  const problems: RoutingProblem[] = [];
  for (const [path, { deliver }] of placesOf(draft)) {
    if (deliver === "none") continue;
    deliver.to.forEach((id, i) => {
      if (declared.has(id)) return;
      problems.push({ path: `${path}.deliver.to[${i}]`, message: `${id} is not declared in centers` });
    });
    if (deliver.require > deliver.to.length) {
      const message = `asks for ${deliver.require} centers but names ${deliver.to.length}`;
      problems.push({ path: `${path}.deliver.require`, message });
    }
  }
  return problems;
}

function nameProblems({ routes }: RoutingDraft): RoutingProblem[] {
  const names = routes.map((route) => route?.name);
  const problems = repeated(names).map((i) => ({
    path: `routes[${i}].name`,
    message: `${names[i]} is the name of an earlier route`,
  }));
  names.forEach((name, i) => {
    if (name === DEFAULT_ROUTE_NAME) {
      problems.push({ path: `routes[${i}].name`, message: `${name} is the name of the default route` });
    }
  });
  return problems;
}

/** What the patterns of these keys are compared with is known beforehand: one that fits nothing is a slip. */
const KNOWN_VALUES = {
  category: CATEGORIES,
  priority: PRIORITIES,
  event: ["raised", "cleared", "status"],
} as const;

function matchProblems({ routes }: RoutingDraft): RoutingProblem[] {
  const problems: RoutingProblem[] = [];
  const earlier: Route[] = [];
  routes.forEach((route, i) => {
    if (route === undefined) return;
    problems.push(...valueProblems(`routes[${i}].match`, route.match));
    problems.push(...valueProblems(`routes[${i}].match.not`, route.match?.not));
    const before = earlier.find((other) => !other.continue && covers(other.match, route.match));
    earlier.push(route);
    if (before === undefined) return;
    const message = `is never reached: ${before.name} comes before it and takes every alarm that it matches`;
    problems.push({ path: `routes[${i}]`, message });
  });
  return problems;
}

function valueProblems(path: string, keys: MatchKeys | undefined): RoutingProblem[] {
  const problems: RoutingProblem[] = [];
  for (const [key, values] of Object.entries(KNOWN_VALUES)) {
    keys?.[key as keyof typeof KNOWN_VALUES]?.forEach((pattern) => {
      if (values.some((value) => coversPattern(pattern, value))) return;
      problems.push({ path: `${path}.${key}`, message: `${pattern} fits none of ${values.join(", ")}` });
    });
  }
  return problems;
}

/**
 * True if every alarm that `narrow` matches is matched by `wide` as well. It may say false where that would take more
 * than comparing key by key: no route is refused that could be reached.
 */
function covers(wide: Match | undefined, narrow: Match | undefined): boolean {
  if (!coversKeys(wide ?? {}, narrow ?? {})) return false;
  if (wide?.not === undefined) return true;
  return narrow?.not !== undefined && coversKeys(narrow.not, wide.not);
}

function coversKeys(wide: MatchKeys, narrow: MatchKeys): boolean {
  if (wide.test !== undefined && wide.test !== narrow.test) return false;
  return PATTERN_KEYS.every((key) => {
    const patterns = wide[key];
    if (patterns === undefined) return true;
    // A key that is not given is like the pattern that fits everything.
    return (narrow[key] ?? ["*"]).every((pattern) => patterns.some((wider) => coversPattern(wider, pattern)));
  });
}

/**
 * True if every text that fits `narrow` fits `wide`. The characters of `narrow` are read as a text in which its own
 * `*` can only be taken by a `*`, and its `?` by a `*` or a `?`.
 */
function coversPattern(wide: string, narrow: string): boolean {
  // reached[i]: wide, up to where we are, fits the first i characters of narrow.
  let reached = [true, ...Array.from(narrow, () => false)];
  const chars = Array.from(narrow);
  for (const char of wide) {
    if (char === "*") {
      const first = reached.indexOf(true);
      reached = reached.map((_, i) => first !== -1 && i >= first);
      continue;
    }
    const fits = (other: string | undefined): boolean => (char === "?" ? other !== "*" : other === char);
    reached = reached.map((_, i) => i > 0 && reached[i - 1] === true && fits(chars[i - 1]));
  }
  return reached[chars.length] === true;
}

function placesOf({ routes, defaultRoute }: RoutingDraft): [path: string, route: Route][] {
  const places = [
    ...routes.map((route, i) => ({ path: `routes[${i}]`, route })),
    { path: "defaultRoute", route: defaultRoute },
  ];
  return places.flatMap(({ path, route }): [string, Route][] => (route === undefined ? [] : [[path, route]]));
}

/** The places of the values that stood earlier in the list already. */
function repeated(values: readonly (string | undefined)[]): number[] {
  return values.flatMap((value, i) => (value !== undefined && values.indexOf(value) < i ? [i] : []));
}
