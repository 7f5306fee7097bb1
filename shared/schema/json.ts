import { RelayError } from "../runtime/errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads bytes as JSON (RFC 8259, UTF-8). Throws `invalid_json` whose detail says line, column and what is wrong there:
 * the engine's own message names the place only sometimes. `what` names the text in the message.
 */
export function parseJson(bytes: Uint8Array, what = "the body"): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new RelayError("invalid_json", `${what} is not valid UTF-8`, { cause });
  }
  if (text.trim() === "") throw new RelayError("invalid_json", `${what} is empty; JSON is expected`);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const { offset, message } = findMistake(text);
    const before = text.slice(0, offset).split("\n");
    const where = `line ${before.length}, column ${(before.at(-1) as string).length + 1}`;
    throw new RelayError("invalid_json", `${what} is not valid JSON`, {
      details: [{ path: "", message: `${where}: ${message}` }],
      cause,
    });
  }
}

/** What may come next: a value, a key, or what follows a value in its container. */
type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "comma" | "end";

/** Something of JSON's alphabet, and where it ends; or the place inside it that is wrong. */
type Token = { kind: string; end: number } | { offset: number; message: string };

/** The first place where `text` leaves the grammar of JSON. A flat loop: a body of a million brackets must not overflow. */
function findMistake(text: string): { offset: number; message: string } {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let offset = 0;
  for (;;) {
    offset = skipSpace(text, offset);
    const token = tokenAt(text, offset);
    if (token !== undefined && "message" in token) return token;
    const next: Expected | undefined = token === undefined ? undefined : step(expected, token.kind, open);
    if (token === undefined || next === undefined) return mistakeAt(text, offset, expected, open.at(-1));
    expected = next;
    offset = token.end;
  }
}

function skipSpace(text: string, offset: number): number {
  let end = offset;
  while (" \t\n\r".includes(text[end] ?? "x")) end++;
  return end;
}

const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

function tokenAt(text: string, offset: number): Token | undefined {
  const first = text[offset];
  if (first === undefined) return undefined;
  if ("{}[],:".includes(first)) return { kind: first, end: offset + 1 };
  if (first === '"') return stringAt(text, offset);
  LITERAL.lastIndex = offset;
  return LITERAL.test(text) ? { kind: "literal", end: LITERAL.lastIndex } : undefined;
}

function stringAt(text: string, start: number): Token {
  let offset = start + 1;
  while (offset < text.length) {
    const char = text[offset] as string;
    if (char === '"') return { kind: "string", end: offset + 1 };
    if (char < " ") return { offset, message: "a control character must be written as an escape, such as \\n" };
    if (char === "\\") {
      ESCAPE.lastIndex = offset;
      if (!ESCAPE.test(text)) return { offset, message: "JSON has no such escape" };
      offset = ESCAPE.lastIndex;
    } else offset++;
  }
  return { offset: start, message: "this string has no end" };
}

function step(expected: Expected, token: string, open: ("{" | "[")[]): Expected | undefined {
  const afterValue = (): Expected => (open.length === 0 ? "end" : "comma");
  switch (expected) {
    case "value":
    case "value or ]":
      if (token === "{" || token === "[") {
        open.push(token);
        return token === "{" ? "key or }" : "value or ]";
      }
      if (token === "]" && expected === "value or ]") {
        open.pop();
        return afterValue();
      }
      return token === "string" || token === "literal" ? afterValue() : undefined;
    case "key":
    case "key or }":
      if (token === "}" && expected === "key or }") {
        open.pop();
        return afterValue();
      }
      return token === "string" ? "colon" : undefined;
    case "colon":
      return token === ":" ? "value" : undefined;
    case "comma":
      if (token === ",") return open.at(-1) === "{" ? "key" : "value";
      if ((token === "}" && open.at(-1) === "{") || (token === "]" && open.at(-1) === "[")) {
        open.pop();
        return afterValue();
      }
      return undefined;
    case "end":
      return undefined;
  }
}

const WANTED: Record<Exclude<Expected, "comma">, string> = {
  value: "a value",
  "value or ]": "a value or ]",
  key: "a key in double quotes",
  "key or }": "a key in double quotes or }",
  colon: "a colon",
  end: "nothing more",
};

function mistakeAt(
  text: string,
  offset: number,
  expected: Expected,
  container: "{" | "[" | undefined,
): { offset: number; message: string } {
  const wanted = expected === "comma" ? `a comma or ${container === "{" ? "}" : "]"}` : WANTED[expected];
  const found = text.codePointAt(offset);
  if (found === undefined) return { offset, message: `expected ${wanted}, but the text ends` };
  return { offset, message: `expected ${wanted}, found ${JSON.stringify(String.fromCodePoint(found))}` };
}
