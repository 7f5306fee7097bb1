import { fileTwin, type SchemaNode } from "../../shared/config/schema.ts";

/** One key of a configuration, as the README's reference shows it. */
export interface ConfigRow {
  key: string;
  type: string;
  default: string;
}

/**
 * The rows that a schema asks of the reference: every key that takes a value, every list, and every section that may
 * be left out although nothing stands in for it.
 */
export function rowsOfSchema(schema: SchemaNode): ConfigRow[] {
  return objectRows(schema, "");
}

function objectRows(schema: SchemaNode, prefix: string): ConfigRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const isRequired = schema.required?.includes(name) === true;
    return keyRows(child, `${prefix}${name}`, isRequired);
  });
}

function keyRows(node: SchemaNode, key: string, isRequired: boolean): ConfigRow[] {
  const row = { key, type: typeOf(node), default: isRequired ? "required" : defaultOf(node) };
  if (node.items?.properties !== undefined) return [row, ...objectRows(node.items, `${key}[].`)];
  if (node.properties === undefined) return node.secret === true ? withTwin(row) : [row];
  const below = objectRows(node, `${key}.`);
  const standsForItself = typesOf(node).includes("string");
  const isOptionalSection = !isRequired && node.default === undefined;
  return standsForItself || isOptionalSection ? [row, ...below] : below;
}

/** A secret may be given by the file that holds it: two keys of one kind. */
function withTwin(row: ConfigRow): ConfigRow[] {
  return [row, { ...row, key: fileTwin(row.key) }];
}

function typesOf({ type }: SchemaNode): readonly string[] {
  return type === undefined ? [] : [type].flat();
}

const NAMED_FORMATS = ["duration", "size", "percent", "path", "listen"];
const NAMES: Readonly<Record<string, string>> = { object: "section", array: "list", percent: "percentage" };

/** The reference names the words of a choice up to so many; more have a table of their own. */
const WORDS_MAX = 8;

function typeOf(node: SchemaNode): string {
  if (node.secret === true) return "secret";
  if (node.enum !== undefined)
    return node.enum.length > WORDS_MAX ? `one of ${node.enum.length} words` : node.enum.join(" or ");
  if (node.format !== undefined && NAMED_FORMATS.includes(node.format)) return NAMES[node.format] ?? node.format;
  if (node.items?.properties === undefined && typesOf(node).join() === "array") return "list of texts";
  if (typeof node.additionalProperties === "object" && node.properties === undefined) return "names and texts";
  const isText = (type: string): string => (type === "string" ? "text" : (NAMES[type] ?? type));
  return typesOf(node).map(isText).join(" or ");
}

function defaultOf(node: SchemaNode): string {
  const { default: value } = node;
  if (value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}
