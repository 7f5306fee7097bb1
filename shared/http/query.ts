import { RelayError } from "../runtime/errors.ts";
import { type Validator, validator } from "../schema/validate.ts";

/**
 * Makes a reader for the parameters of a query, each described by a JSON Schema: `?limit=10` becomes the number that
 * its schema asks for. The reader throws `bad_request` that names every parameter that is unknown or wrong.
 */
export function queryReader<T>(properties: Readonly<Record<string, object>>): (query: unknown) => T {
  const validate: Validator<T> = validator<T>({ type: "object", properties, additionalProperties: false });
  return (query) => {
    const values: Record<string, unknown> = {};
    for (const [key, text] of Object.entries(query as Record<string, unknown>)) {
      const type = (properties[key] as { type?: unknown } | undefined)?.type;
      values[key] = typeof text === "string" ? convert(text, type) : text;
    }
    const validation = validate(values);
    if (validation.ok) return validation.value;
    throw new RelayError("bad_request", "the query has mistakes", {
      details: validation.details.map(({ path, message }) => ({ path: path.slice(1), message })),
    });
  };
}

function convert(text: string, type: unknown): unknown {
  if (type === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}
