import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// This file runs as dist/<program>/test/faults/patch.js.
const DIST = fileURLToPath(new URL("../../..", import.meta.url));

/** A change to one compiled file of a copy of the product. */
export interface Patch {
  /** Below dist/. */
  file: string;
  /** Text that stands in the file exactly once. */
  search: string;
  replace: string;
}

/** Copies the built product to `dir` and changes the copy; what is shipped stays as it is. Returns the copy's dist folder. */
export function copyPatched(dir: string, patches: readonly Patch[]): string {
  const dist = join(dir, "dist");
  mkdirSync(dir, { recursive: true });
  for (const part of ["agent", "hub", "shared"]) cpSync(join(DIST, part), join(dist, part), { recursive: true });
  cpSync(join(DIST, "../package.json"), join(dir, "package.json"));
  symlinkSync(join(DIST, "../node_modules"), join(dir, "node_modules"));
  applyPatches(dist, patches);
  return dist;
}

/**
 * Applies patches to the copy in `distDir`. Throws where a text is not found exactly once: a judge whose patches no
 * longer fit would report a success that it has not seen.
 */
function applyPatches(distDir: string, patches: readonly Patch[]): void {
  for (const { file, search, replace } of patches) {
    const path = join(distDir, file);
    const parts = readFileSync(path, "utf8").split(search);
    if (parts.length !== 2) {
      throw new Error(`a patch of ${file} does not fit: found ${parts.length - 1} times, not once:\n${search}`);
    }
    writeFileSync(path, parts.join(replace));
  }
}
