import { LineCounter, parseDocument } from "yaml";
import { RelayError } from "../runtime/errors.ts";

/**
 * Reads the YAML (1.2) of a configuration. Throws `invalid_config` with one sentence that names line and column.
 * An empty text is an empty configuration.
 */
export function parseYaml(text: string, name: string): Record<string, unknown> {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new RelayError("invalid_config", `${name}, line ${line}, column ${col}: ${sentence(error.message)}`);
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    // Only aliases fail here: too many of them, or one without its anchor.
    throw new RelayError("invalid_config", `${name}: ${sentence((cause as Error).message)}`, { cause });
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new RelayError("invalid_config", `${name} must hold keys with values, such as "dataDir: ./data"`);
  }
  return value as Record<string, unknown>;
}

function sentence(message: string): string {
  return message.replaceAll(/\s+/g, " ").trim();
}
