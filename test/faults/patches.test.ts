import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KINDS, SHORT_KINDS } from "./kinds/index.ts";
import { MUTATIONS } from "./mutations.ts";
import { pointPatches } from "./points.ts";
import { EVIDENCE } from "./product.ts";

// The judge changes compiled code by its text: whoever changes that code learns here that the judge has to follow.

test.each([
  ...[...pointPatches(), EVIDENCE].map((patch) => ["the judge itself", patch] as const),
  ...MUTATIONS.flatMap(({ name, patches }) => patches.map((patch) => [`--break ${name}`, patch] as const)),
])("%s finds its place once: $1.file", (_, { file, search }) => {
  expect(readFileSync(`dist/${file}`, "utf8").split(search)).toHaveLength(2);
});

test("every mutation names kinds of faults that there are, and changes something", () => {
  const names = KINDS.map(({ name }) => name);
  for (const { kinds, patches } of MUTATIONS) {
    expect(names).toEqual(expect.arrayContaining([...kinds]));
    expect(patches.length).toBeGreaterThan(0);
  }
});

test("the short form names kinds of faults that there are", () => {
  for (const kind of SHORT_KINDS) expect(KINDS).toContain(kind);
});
