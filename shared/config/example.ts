import { stringify } from "yaml";
import { fileTwin, propertiesOf, type SchemaNode } from "./schema.ts";

const WIDTH = 116;

/**
 * An annotated configuration, made from a schema's descriptions, examples and defaults. What is required or has a
 * default is written out, the rest stands there as a comment with an example. The result loads as it is.
 */
export function exampleYaml(schema: object): string {
  const root = schema as SchemaNode;
  const head = root.description === undefined ? [] : [...comment(root.description), ""];
  return `${[...head, ...objectLines(root, false)].join("\n")}\n`;
}

/** The lines of an object's keys. `whole` writes out every key, for an object that is a comment as a whole. */
function objectLines(schema: SchemaNode, whole: boolean): string[] {
  return Object.entries(propertiesOf(schema)).flatMap(([key, child]) => {
    const active = whole || isActive(schema, key, child);
    const lines = child.secret === true ? [`${fileTwin(key)}: ./${key}`] : keyLines(key, child);
    return [...comment(describe(child)), ...(active ? lines : lines.map((line) => `# ${line}`))];
  });
}

function isActive(parent: SchemaNode, key: string, schema: SchemaNode): boolean {
  if (parent.required?.includes(key) === true) return true;
  return schema.default !== undefined && (!isEmptyObject(schema.default) || hasActiveKey(schema));
}

function hasActiveKey(schema: SchemaNode): boolean {
  return Object.entries(propertiesOf(schema)).some(([key, child]) => isActive(schema, key, child));
}

function keyLines(key: string, schema: SchemaNode): string[] {
  const value = schema.example ?? (isEmptyObject(schema.default) ? undefined : schema.default);
  if (value !== undefined) return valueLines(key, value);
  if (schema.items !== undefined) return [`${key}:`, ...indent(itemLines(schema.items))];
  if (Object.keys(propertiesOf(schema)).length > 0) {
    return [`${key}:`, ...indent(objectLines(schema, !hasActiveKey(schema)))];
  }
  return valueLines(key, schema.enum?.[0] ?? (schema.type === "boolean" ? true : ""));
}

function itemLines(schema: SchemaNode): string[] {
  const lines = objectLines(schema, false);
  const first = lines.findIndex((line) => !line.startsWith("#"));
  return lines.map((line, i) => (i === first ? `- ${line}` : `  ${line}`));
}

function valueLines(key: string, value: unknown): string[] {
  const flat = `${key}: ${stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim()}`;
  if (typeof value !== "object" || flat.length < 80) return [flat];
  return stringify({ [key]: value }, { lineWidth: 0 })
    .trimEnd()
    .split("\n");
}

function describe(schema: SchemaNode): string {
  const choices = schema.enum === undefined ? "" : ` (${schema.enum.join(" | ")})`;
  return `${schema.description ?? ""}${choices}`.trim();
}

function comment(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return line === "#" ? lines : [...lines, line];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
