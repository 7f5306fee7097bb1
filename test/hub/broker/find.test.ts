import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cachedNatsServer, findNatsServer } from "../../../hub/broker/find.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

/** An executable file of that path, with its folders. */
function place(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
}

test("NATS_SERVER comes before PATH, PATH before the cache", () => {
  const dir = tempDir("find");
  const env = { PATH: `${join(dir, "empty")}:${join(dir, "bin")}`, XDG_CACHE_HOME: join(dir, "cache") };
  expect(() => findNatsServer(env)).toThrow(expect.objectContaining({ code: "nats_server_missing" }));
  const cached = place(cachedNatsServer(env));
  expect(findNatsServer(env)).toBe(cached);
  const onPath = place(join(dir, "bin", "nats-server"));
  expect(findNatsServer(env)).toBe(onPath);
  const named = place(join(dir, "named"));
  expect(findNatsServer({ ...env, NATS_SERVER: named })).toBe(named);
});

test("a folder or a file that cannot be executed is none", () => {
  const dir = tempDir("find");
  mkdirSync(join(dir, "a", "nats-server"), { recursive: true });
  chmodSync(place(join(dir, "b", "nats-server")), 0o644);
  const found = place(join(dir, "c", "nats-server"));
  expect(findNatsServer({ PATH: ["a", "b", "c"].map((name) => join(dir, name)).join(":") })).toBe(found);
});

test("a NATS_SERVER that is wrong is an error, not passed over", () => {
  const dir = tempDir("find");
  place(join(dir, "nats-server"));
  expect(() => findNatsServer({ NATS_SERVER: "/nowhere", PATH: dir })).toThrow("NATS_SERVER names /nowhere");
});
