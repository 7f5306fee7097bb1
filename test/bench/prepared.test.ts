import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";
import { preparedFolder } from "./prepared.ts";

test("what was prepared is made once, and anew when its schema has changed", async () => {
  vi.stubEnv("XDG_CACHE_HOME", tempDir("prepared"));
  whenTestFinished(() => {
    vi.unstubAllEnvs();
  });
  let made = 0;
  const prepare = (sql: string): Promise<string> =>
    preparedFolder({ name: "thing", schema: [{ name: "the first", sql }], version: 1 }, (dir) => {
      made += 1;
      writeFileSync(join(dir, "file"), sql);
    });
  const first = await prepare("one");
  expect(await prepare("one")).toBe(first);
  expect(made).toBe(1);
  const second = await prepare("two");
  expect(readFileSync(join(second, "file"), "utf8")).toBe("two");
  expect(existsSync(first)).toBe(false);
});

test("what could not be finished is not taken for it", async () => {
  vi.stubEnv("XDG_CACHE_HOME", tempDir("prepared"));
  whenTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const prepare = (make: () => void): Promise<string> =>
    preparedFolder({ name: "thing", schema: [], version: 1 }, make);
  const full = (): never => {
    throw new Error("the disk is full");
  };
  await expect(prepare(full)).rejects.toThrow("the disk is full");
  let isMade = false;
  await prepare(() => {
    isMade = true;
  });
  expect(isMade).toBe(true);
});
