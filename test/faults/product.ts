import { copyPatched, type Patch } from "./patch.ts";
import { pointPatches } from "./points.ts";

/** Lets the judge read the settings of every connection to SQLite while it is in use. */
export const EVIDENCE: Patch = {
  file: "shared/sqlite/open.js",
  search: "        migrate(db, options);\n",
  replace: "        migrate(db, options);\n        globalThis.judgeStore?.(options.path, db);\n",
};

/**
 * Copies the built product to `dir` and puts the points, the evidence and the mutation into the copy. What is shipped
 * has no trace of the judge. Returns the copy's dist folder.
 */
export function copyProduct(dir: string, mutation: readonly Patch[]): string {
  return copyPatched(dir, [...pointPatches(), EVIDENCE, ...mutation]);
}
