import { queryReader } from "../../shared/http/query.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { validator } from "../../shared/schema/validate.ts";

/**
 * Checks requests by the schemas that the routes declare, which are also what openapi.json shows: one place says what
 * is taken. The errors are ours, so that they name every parameter and every field that is wrong. Answers are written
 * as they are; their schemas only describe them.
 */
export function checkBySchemas(app: HttpServer): void {
  app.setValidatorCompiler<{ properties?: Record<string, object> }>(({ schema, httpPart }) => {
    const read = httpPart === "querystring" ? queryReader<unknown>(schema.properties ?? {}) : objectReader(schema);
    return (value: unknown) => {
      try {
        return { value: read(value) };
      } catch (error) {
        return { error: error instanceof Error ? error : new Error(messageOf(error)) };
      }
    };
  });
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
}

function objectReader(schema: object): (value: unknown) => unknown {
  const validate = validator<unknown>(schema);
  return (value) => {
    const validation = validate(value);
    if (validation.ok) return validation.value;
    throw new RelayError("bad_request", "the request has mistakes", { details: validation.details });
  };
}
