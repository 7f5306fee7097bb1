import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type ErrorDetail, messageOf, RelayError } from "../runtime/errors.ts";
import { formatMessage, validator } from "../schema/validate.ts";
import { complete } from "./complete.ts";
import { type Environment, type EnvironmentResult, override, substitute } from "./environment.ts";
import { childSchema, configPath, pointerSegments, type SchemaNode } from "./schema.ts";
import { parseYaml } from "./yaml.ts";

/** Where a configuration comes from. */
export interface ConfigSource {
  /** The YAML file; relative paths in it start at its folder. */
  file?: string;
  /** True if `file` is only where a configuration is looked for: without it the environment alone may give one. */
  fileOptional?: boolean;
  /** The YAML itself, instead of a file; relative paths start at the working directory. */
  text?: string;
  env: Environment;
  /** `ALARM_AGENT_` or `ALARM_HUB_`: variables that begin so set keys. */
  envPrefix: string;
}

export interface ConfigRules {
  /** What a schema cannot say. Gets whatever was read, also where the schema refuses it, and reports every mistake. */
  check?: (value: unknown) => ErrorDetail[];
}

/**
 * Reads a configuration: YAML, then `${NAME}`, then the variables under `envPrefix`, then defaults, secret files and
 * absolute paths, then the check against `schema`. Throws one `invalid_config` that lists every mistake with its path.
 */
export function loadConfig<T>(schema: object, source: ConfigSource, rules: ConfigRules = {}): T {
  const root = schema as SchemaNode;
  const { text, name, folder } = read(source);
  const result: EnvironmentResult = { details: [], origins: new Map(), broken: new Set() };
  const config = substitute(parseYaml(text, name), root, source.env, result) as Record<string, unknown>;
  override(config, root, source.env, source.envPrefix, result);
  const completed = complete(config, root, { folder, details: result.details, broken: result.broken });
  const checked = validator<T>(schema)(completed);
  const details = [
    ...result.details,
    ...(checked.ok ? [] : checked.details.map((detail) => located(detail, completed, root))),
    ...(rules.check?.(completed) ?? []),
  ].filter((detail) => result.details.includes(detail) || !isBroken(detail.path, result.broken));
  if (details.length === 0) return completed as T;
  throw new RelayError("invalid_config", `${name} has ${count(details.length)}`, {
    details: distinct(details).map((detail) => withOrigin(detail, result.origins)),
  });
}

function read(source: ConfigSource): { text: string; name: string; folder: string } {
  if (source.text !== undefined) {
    return { text: source.text, name: "the configuration", folder: dirname(resolve(source.file ?? "x")) };
  }
  if (source.file === undefined) throw new Error("a configuration needs a file or a text");
  const file = resolve(source.file);
  const overridden = Object.keys(source.env).some(
    (name) => name.startsWith(source.envPrefix) && !name.endsWith("_URL"),
  );
  if (source.fileOptional === true && overridden && !existsSync(file)) {
    return { text: "", name: "the environment", folder: process.cwd() };
  }
  try {
    return { text: readFileSync(file, "utf8"), name: source.file, folder: dirname(file) };
  } catch (error) {
    const missing = (error as { code?: unknown }).code === "ENOENT";
    const message = missing
      ? `there is no configuration ${file}`
      : `the configuration cannot be read: ${messageOf(error)}`;
    throw new RelayError("invalid_config", message, {
      hint: "name the file with -c; `config example` prints one to start from",
      cause: error,
    });
  }
}

/** Turns the check's JSON pointer into a config path, and says what YAML makes easy to get wrong. */
function located({ path, message }: ErrorDetail, config: unknown, root: SchemaNode): ErrorDetail {
  const segments = pointerSegments(path);
  const value = segments.reduce<unknown>((node, segment) => (node as Unknown | undefined)?.[segment], config);
  const unquoted = message === "must be string" && (typeof value === "number" || typeof value === "boolean");
  if (!unquoted) return { path: configPath(segments), message };
  const at = segments.reduce<SchemaNode | undefined>((node, segment) => node && childSchema(node, segment), root);
  // A number where any text may stand only lacks its quotes.
  const wanted = at?.format === undefined || at.format === "text" ? undefined : formatMessage(at.format);
  return { path: configPath(segments), message: wanted ?? "must be a string: put it in quotes" };
}

type Unknown = Record<string | number, unknown>;

function isBroken(path: string, broken: ReadonlySet<string>): boolean {
  return [...broken].some(
    (prefix) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`),
  );
}

function withOrigin(detail: ErrorDetail, origins: ReadonlyMap<string, string>): ErrorDetail {
  const name = origins.get(detail.path);
  if (name === undefined || detail.message.includes(name)) return detail;
  return { path: detail.path, message: `${detail.message} (set by ${name})` };
}

function distinct(details: readonly ErrorDetail[]): ErrorDetail[] {
  return [...new Map(details.map((detail) => [`${detail.path} ${detail.message}`, detail])).values()];
}

function count(mistakes: number): string {
  return mistakes === 1 ? "a mistake" : `${mistakes} mistakes`;
}
