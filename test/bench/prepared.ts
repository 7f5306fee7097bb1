import { createHash } from "node:crypto";
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Migration } from "../../shared/sqlite/open.ts";

/**
 * A folder of files that take long to make, made once and kept below `$XDG_CACHE_HOME`, else `~/.cache`. Its name tells
 * what is in it and by which schema: after a change of that it is made anew, and the old one is removed.
 */
export async function preparedFolder(
  what: { name: string; schema: readonly Migration[]; version: number },
  make: (dir: string) => Promise<void> | void,
): Promise<string> {
  const root = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "alarm-relay", "bench", what.name);
  const key = createHash("sha256")
    .update(JSON.stringify([what.version, what.schema]))
    .digest("hex")
    .slice(0, 12);
  const dir = join(root, key);
  if (existsSync(dir)) return dir;
  rmSync(root, { recursive: true, force: true });
  const unfinished = join(root, `${key}.unfinished`);
  mkdirSync(unfinished, { recursive: true });
  await make(unfinished);
  renameSync(unfinished, dir);
  return dir;
}

/**
 * Puts a copy of what was prepared at `to`, for a run that changes it. It is on the disk then: the first syncs of the
 * run would otherwise wait until all of it is written.
 */
export function copyPrepared(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of readdirSync(to)) {
    const file = openSync(join(to, name), "r");
    fsyncSync(file);
    closeSync(file);
  }
}
