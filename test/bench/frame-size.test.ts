import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { frameSizePatches } from "./frame-size.ts";

// The bench changes compiled code by its text: whoever changes that code learns here that the bench has to follow.

test.each(frameSizePatches(8))("the bound of frames finds its place once: $file", ({ file, search }) => {
  expect(readFileSync(`dist/${file}`, "utf8").split(search)).toHaveLength(2);
});
