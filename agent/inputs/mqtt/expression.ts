import { createRequire } from "node:module";
import type { Expression } from "jsonata";

// Loaded at the first use only: an agent without expressions does not pay for the library's memory.
const require = createRequire(import.meta.url);

/** Computes what an expression makes of a payload; `undefined` where it has no result. */
export type Evaluate = (payload: unknown, topicLevels: readonly string[]) => Promise<unknown>;

/**
 * Compiles JSONata with `$topic` bound to the levels of the message's topic. Throws a sentence with the position of
 * the mistake. What an expression makes is plain JSON: functions in it are dropped.
 */
export function compileExpression(source: string): Evaluate {
  const jsonata = require("jsonata") as (source: string) => Expression;
  let expression: Expression;
  try {
    expression = jsonata(source);
  } catch (error) {
    throw new Error(describe(error), { cause: error });
  }
  return async (payload, topicLevels) => {
    try {
      const result: unknown = await expression.evaluate(payload, { topic: [...topicLevels] });
      // JSONata marks its arrays with properties of its own; JSON leaves only what is data.
      return result === undefined ? undefined : (JSON.parse(JSON.stringify(result) ?? "null") as unknown);
    } catch (error) {
      throw new Error(describe(error), { cause: error });
    }
  };
}

/** JSONata throws plain objects with a message and a position. */
function describe(error: unknown): string {
  const { message, position } = error as { message?: unknown; position?: unknown };
  const text = typeof message === "string" ? message : String(error);
  return typeof position === "number" ? `${text} (character ${position})` : text;
}
