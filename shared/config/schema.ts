/**
 * How the loader and the example read a configuration schema: as plain JSON Schema, with the annotations `secret`
 * (the value may come from a file, by a twin key that ends in `File`) and `example`, and the format `path`.
 */
export interface SchemaNode {
  title?: string;
  description?: string;
  type?: string | readonly string[];
  properties?: Readonly<Record<string, SchemaNode>>;
  required?: readonly string[];
  additionalProperties?: boolean | SchemaNode;
  items?: SchemaNode;
  anyOf?: readonly SchemaNode[];
  oneOf?: readonly SchemaNode[];
  enum?: readonly unknown[];
  const?: unknown;
  format?: string;
  default?: unknown;
  example?: unknown;
  secret?: boolean;
}

export type PathSegment = string | number;

/** Writes a place in a configuration as a person does: `nats.servers[0]`. */
export function configPath(segments: readonly PathSegment[]): string {
  let path = "";
  for (const segment of segments) {
    if (typeof segment === "number") path += `[${segment}]`;
    else path += path === "" ? segment : `.${segment}`;
  }
  return path;
}

/** The segments of a JSON pointer; numbers are taken for places in a list. */
export function pointerSegments(pointer: string): PathSegment[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** The schema's own node and its alternatives: a value may be described by any of them. */
function alternatives(schema: SchemaNode): SchemaNode[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [schema, ...branches.flatMap(alternatives)];
}

/** All keys that an object under `schema` may have, each with its schema. */
export function propertiesOf(schema: SchemaNode): Record<string, SchemaNode> {
  const properties: Record<string, SchemaNode> = {};
  for (const node of alternatives(schema)) {
    for (const [key, child] of Object.entries(node.properties ?? {})) properties[key] ??= child;
  }
  return properties;
}

/** The schema of what lies at `segment` below a value of `schema`; undefined where the schema knows nothing. */
export function childSchema(schema: SchemaNode, segment: PathSegment): SchemaNode | undefined {
  for (const node of alternatives(schema)) {
    if (typeof segment === "number") {
      if (node.items !== undefined) return node.items;
    } else {
      const child = node.properties?.[segment];
      if (child !== undefined) return child;
      if (typeof node.additionalProperties === "object") return node.additionalProperties;
    }
  }
  return undefined;
}

/** True if a value of `type` may stand at `schema`. */
export function takesType(schema: SchemaNode, type: string): boolean {
  return alternatives(schema).some((node) =>
    typeof node.type === "string" ? node.type === type : (node.type?.includes(type) ?? false),
  );
}

/** The name of the key that names the file of a secret. */
export function fileTwin(key: string): string {
  return `${key}File`;
}

/**
 * The schema as a person sees it, for `config schema`: every secret has its twin beside it, and a required secret may
 * be given as either.
 */
export function publishedSchema(schema: SchemaNode): SchemaNode {
  const result: Record<string, unknown> = { ...schema };
  if (schema.properties !== undefined) {
    const properties: Record<string, SchemaNode> = {};
    for (const [key, child] of Object.entries(schema.properties)) {
      properties[key] = publishedSchema(child);
      if (child.secret === true) properties[fileTwin(key)] = twinSchema(key);
    }
    result["properties"] = properties;
    const isSecret = (key: string): boolean => schema.properties?.[key]?.secret === true;
    const secrets = (schema.required ?? []).filter(isSecret);
    if (secrets.length > 0) {
      result["required"] = (schema.required ?? []).filter((key) => !isSecret(key));
      result["allOf"] = secrets.map((key) => ({ anyOf: [{ required: [key] }, { required: [fileTwin(key)] }] }));
    }
  }
  for (const key of ["anyOf", "oneOf"] as const) {
    if (schema[key] !== undefined) result[key] = schema[key].map(publishedSchema);
  }
  if (schema.items !== undefined) result["items"] = publishedSchema(schema.items);
  if (typeof schema.additionalProperties === "object") {
    result["additionalProperties"] = publishedSchema(schema.additionalProperties);
  }
  return result as SchemaNode;
}

function twinSchema(key: string): SchemaNode {
  return { type: "string", format: "path", description: `A file that holds \`${key}\`, instead of the value itself` };
}
