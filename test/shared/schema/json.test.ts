import { expect, test } from "vitest";
import { parseJson } from "../../../shared/schema/json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function mistakeIn(text: string): string {
  try {
    parseJson(bytes(text));
  } catch (error) {
    const { details } = error as { details: { message: string }[] };
    return details[0]?.message ?? (error as Error).message;
  }
  throw new Error("it was taken");
}

test.each([
  ['{"a":}', /^line 1, column 6: expected a value, found "}"$/],
  ['{"a" 1}', /^line 1, column 6: expected a colon/],
  ['{"a":1 "b"', /^line 1, column 8: expected a comma or }/],
  ["[1,\n2,\n]", /^line 3, column 1: expected a value/],
  ["[1", /^line 1, column 3: expected a comma or ], but the text ends$/],
  ["{a:1}", /^line 1, column 2: expected a key in double quotes/],
  ['{"a":1,}', /^line 1, column 8: expected a key in double quotes, /],
  ['"abc', /^line 1, column 1: this string has no end$/],
  ['"a\\x"', /^line 1, column 3: JSON has no such escape$/],
  ['"a\tb"', /^line 1, column 3: a control character/],
  ["1 2", /^line 1, column 3: expected nothing more/],
  ["01", /^line 1, column 1: expected a value/],
  ["truely", /^line 1, column 1: expected a value/],
  ["\u00a01", /^line 1, column 1: expected a value/],
  ["  ", /is empty/],
])("%s is refused with its place", (text, message) => {
  expect(mistakeIn(text)).toMatch(message);
});

test("a megabyte of brackets or of one string neither overflows nor takes long", () => {
  expect(mistakeIn("[".repeat(2 ** 20))).toMatch(/column 1048577: expected a value or ]/);
  expect(mistakeIn(`"${"a".repeat(2 ** 20)}`)).toMatch(/no end/);
});

test("whatever the engine refuses, a place is found for", () => {
  const good = '{"a":[1,-2.5e3,true,null,"x\\u00e9\\n"],"b":{}}';
  expect(parseJson(bytes(good))).toEqual(JSON.parse(good));
  for (let i = 0; i < good.length; i++) {
    for (const text of [
      good.slice(0, i),
      `${good.slice(0, i)}${good.slice(i + 1)}`,
      `${good.slice(0, i)}~${good.slice(i)}`,
    ]) {
      const taken = (() => {
        try {
          JSON.parse(text);
          return true;
        } catch {
          return false;
        }
      })();
      if (!taken && text !== "") expect(mistakeIn(text)).toMatch(/^line 1, column \d+: /);
    }
  }
});
