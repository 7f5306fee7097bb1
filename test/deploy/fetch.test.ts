import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cachedNatsServer } from "../../hub/broker/find.ts";
import { runProcess } from "../helpers/processes.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const MAIN = "dist/deploy/local/fetch-nats-server.js";
const onThePlatform = test.skipIf(`${process.platform}-${process.arch}` !== "linux-x64");

/** An environment without nats-server, in which `npm` is `script`. */
function environment(script: string): { env: Record<string, string>; cached: string } {
  const dir = tempDir("fetch");
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "bin", "npm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = { NATS_SERVER: "", PATH: `${join(dir, "bin")}:/usr/bin:/bin`, XDG_CACHE_HOME: join(dir, "cache") };
  return { env, cached: cachedNatsServer(env) };
}

test("does nothing and says nothing where there is one", async () => {
  const { env } = environment("exit 9");
  const exit = await runProcess([MAIN], { env: { ...env, NATS_SERVER: process.execPath } });
  expect(exit).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

onThePlatform("a package other than the pinned one is refused, and nothing of it is kept", async () => {
  // npm's last argument is the folder to pack into.
  const { env, cached } = environment('for last; do :; done; echo evil > "$last/x.tgz"');
  const exit = await runProcess([MAIN], { env });
  expect(exit.code).toBe(1);
  expect(exit.stderr).toContain("is not the pinned one");
  expect(readdirSync(dirname(cached))).toEqual([]);
});

onThePlatform("without a network it says what to install", async () => {
  const { env, cached } = environment("echo 'npm error network' >&2; exit 1");
  const exit = await runProcess([MAIN], { env });
  expect(exit.code).toBe(1);
  expect(exit.stderr).toContain("install nats-server 2.10 or later");
  expect(existsSync(cached)).toBe(false);
});

test("a NATS_SERVER that is wrong is the user's to mend", async () => {
  const { env } = environment("exit 9");
  const exit = await runProcess([MAIN], { env: { ...env, NATS_SERVER: "/nowhere" } });
  expect(exit).toMatchObject({ code: 1, stdout: "" });
  expect(exit.stderr).toMatch(/^NATS_SERVER names \/nowhere, .*install nats-server/);
});
