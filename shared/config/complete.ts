import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ErrorDetail, messageOf } from "../runtime/errors.ts";
import {
  childSchema,
  configPath,
  fileTwin,
  type PathSegment,
  propertiesOf,
  type SchemaNode,
  takesType,
} from "./schema.ts";

/** What goes on while a configuration is completed: where its paths start, and what was found wrong. */
export interface Completion {
  folder: string;
  details: ErrorDetail[];
  broken: Set<string>;
}

/**
 * Completes a configuration before it is checked: defaults fill what is missing or empty, secrets are read from the files
 * that their twins name, and paths become absolute. Values of a wrong type are left for the check.
 */
export function complete(value: unknown, schema: SchemaNode, completion: Completion): unknown {
  const walk = (node: unknown, at: SchemaNode, path: readonly PathSegment[]): unknown => {
    if (Array.isArray(node)) return node.map((item, i) => walk(item, childSchema(at, i) ?? {}, [...path, i]));
    if (typeof node === "string" && at.format === "path" && node !== "") return resolve(completion.folder, node);
    if (typeof node !== "object" || node === null) return node;
    const object: Record<string, unknown> = { ...node };
    for (const [key, child] of Object.entries(propertiesOf(at))) {
      // A key whose lines below are all commented out holds nothing.
      if (object[key] === null && (takesType(child, "object") || takesType(child, "array"))) delete object[key];
      if (child.secret === true) readSecret(object, key, path, completion);
      if (object[key] === undefined && child.default !== undefined) object[key] = structuredClone(child.default);
    }
    for (const [key, item] of Object.entries(object)) {
      object[key] = walk(item, childSchema(at, key) ?? {}, [...path, key]);
    }
    return object;
  };
  return walk(value, schema, []);
}

function readSecret(
  object: Record<string, unknown>,
  key: string,
  path: readonly PathSegment[],
  { folder, details, broken }: Completion,
): void {
  const twin = fileTwin(key);
  const file = object[twin];
  if (file === undefined) return;
  delete object[twin];
  const where = configPath([...path, twin]);
  const report = (message: string): void => {
    details.push({ path: where, message });
    broken.add(configPath([...path, key]));
  };
  if (typeof file !== "string" || file === "") {
    report("must be the path of a file");
    return;
  }
  if (object[key] !== undefined) {
    report(`stands beside ${key}; give only one of the two`);
    return;
  }
  try {
    const secret = readFileSync(resolve(folder, file), "utf8").trim();
    if (secret === "") report(`is empty: ${resolve(folder, file)}`);
    else object[key] = secret;
  } catch (error) {
    report(`cannot be read: ${messageOf(error)}`);
  }
}
