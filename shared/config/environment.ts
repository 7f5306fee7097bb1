import type { ErrorDetail } from "../runtime/errors.ts";
import {
  childSchema,
  configPath,
  fileTwin,
  type PathSegment,
  propertiesOf,
  type SchemaNode,
  takesType,
} from "./schema.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment did to a configuration. */
export interface EnvironmentResult {
  details: ErrorDetail[];
  /** By config path, the variable that set it. */
  origins: Map<string, string>;
  /** Paths whose value is unusable and already reported. */
  broken: Set<string>;
}

/** These tell the commands where the process is; they are no configuration. */
const CLIENT_KEYS = ["URL"];
const PLACEHOLDER = /(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Replaces `${NAME}` in every string below `value`, in place; `$${NAME}` stays as `${NAME}`. A value that consists of
 * variables becomes the number or truth value that the schema asks for at its place.
 */
export function substitute(value: unknown, schema: SchemaNode, env: Environment, result: EnvironmentResult): unknown {
  const walk = (node: unknown, at: SchemaNode | undefined, path: readonly PathSegment[]): unknown => {
    if (typeof node === "string") return substituteText(node, at, path);
    if (Array.isArray(node)) return node.map((item, i) => walk(item, at && childSchema(at, i), [...path, i]));
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [key, walk(item, at && childSchema(at, key), [...path, key])]),
    );
  };
  const substituteText = (text: string, at: SchemaNode | undefined, path: readonly PathSegment[]): unknown => {
    let replaced = false;
    const out = text.replaceAll(PLACEHOLDER, (whole, escaped: string, name: string) => {
      if (escaped !== "") return whole.slice(1);
      replaced = true;
      const found = env[name];
      if (found !== undefined) return found;
      const where = configPath(path);
      result.details.push({ path: where, message: `needs the environment variable ${name}, which is not set` });
      result.broken.add(where);
      return "";
    });
    return replaced && at !== undefined ? scalar(out, at) : out;
  };
  return walk(value, schema, []);
}

/** Sets what the variables under `prefix` say, in place: `ALARM_AGENT_QUEUE__ROWSMAX=1000` sets `queue.rowsMax`. */
export function override(
  config: Record<string, unknown>,
  schema: SchemaNode,
  env: Environment,
  prefix: string,
  result: EnvironmentResult,
): void {
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(prefix) || CLIENT_KEYS.includes(name.slice(prefix.length))) continue;
    const found = findKey(schema, name.slice(prefix.length).split("__"));
    if (found === undefined) {
      result.details.push({ path: name, message: "is not a known key" });
      continue;
    }
    const path = configPath(found.path);
    result.origins.set(path, name);
    try {
      set(config, found.path, parse(text, found.schema));
    } catch {
      result.broken.add(path);
      result.details.push({ path, message: `must be JSON when it is set by ${name}` });
    }
  }
}

function findKey(root: SchemaNode, parts: readonly string[]): { path: string[]; schema: SchemaNode } | undefined {
  const path: string[] = [];
  let schema = root;
  for (const part of parts) {
    const properties = Object.entries(propertiesOf(schema)).flatMap(([key, child]): [string, SchemaNode][] =>
      child.secret === true
        ? [
            [key, child],
            [fileTwin(key), { type: "string" }],
          ]
        : [[key, child]],
    );
    const found = properties.find(([key]) => key.toUpperCase() === part.toUpperCase());
    if (found === undefined) return undefined;
    path.push(found[0]);
    schema = found[1];
  }
  return { path, schema };
}

function parse(text: string, schema: SchemaNode): unknown {
  if (!takesType(schema, "array") && !takesType(schema, "object")) return scalar(text, schema);
  // A union such as `none | { to: [...] }` takes the bare word too.
  if (!/^\s*[[{]/.test(text) && acceptsText(schema)) return scalar(text, schema);
  return JSON.parse(text);
}

function acceptsText(schema: SchemaNode): boolean {
  const nodes = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return nodes.some((node) => node.type === "string" || node.enum !== undefined || typeof node.const === "string");
}

function scalar(text: string, schema: SchemaNode): unknown {
  if (takesType(schema, "string")) return text;
  if ((takesType(schema, "integer") || takesType(schema, "number")) && /^-?\d+(\.\d+)?$/.test(text)) {
    return Number(text);
  }
  if (takesType(schema, "boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

function set(config: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = config;
  for (const key of path.slice(0, -1)) {
    const child = node[key];
    const next = typeof child === "object" && child !== null ? child : {};
    node[key] = next;
    node = next as Record<string, unknown>;
  }
  node[path.at(-1) as string] = value;
}
