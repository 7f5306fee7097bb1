import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// This file runs as dist/bench/test/bench/installed.js.
const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

interface Lock {
  packages: Record<string, { dev?: boolean }>;
}

/** What the package takes: as npm packs it, and installed with the dependencies that it needs to run. */
export function packageBytes(): { packed: number; installed: number } {
  // Its scripts would build again what is being measured.
  const listing = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const [pack] = JSON.parse(listing) as { size: number; unpackedSize: number }[];
  if (pack === undefined) throw new Error("npm pack listed no package");
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  const dependencies = Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path]) => folderBytes(join(ROOT, path)));
  return { packed: pack.size, installed: dependencies.reduce((sum, bytes) => sum + bytes, pack.unpackedSize) };
}

/** The files of one package, without the packages in it, which the lock file names on their own. */
function folderBytes(dir: string): number {
  return readdirSync(dir, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .map((entry) => (entry.isDirectory() ? folderBytes(join(dir, entry.name)) : statSync(join(dir, entry.name)).size))
    .reduce((sum, bytes) => sum + bytes, 0);
}
