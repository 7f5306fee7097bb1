import { createRequire } from "node:module";

// The file sits at the same depth below the package's root in the sources and, one level deeper, in dist/.
const require = createRequire(import.meta.url);

function readVersion(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const found = require(path) as { name?: string; version?: string };
      if (found.name === "alarm-relay" && found.version !== undefined) return found.version;
    } catch {
      // Not at this depth: the next path is tried.
    }
  }
  throw new Error("package.json of alarm-relay was not found beside its files");
}

/** The version of this package, from its package.json. */
export const VERSION: string = readVersion();
