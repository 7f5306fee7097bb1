import { cpSync, rmSync } from "node:fs";
import { tempDir } from "./temp-dir.ts";

/** Copies a folder or file of a stopped store, and gives back how to put that copy in its place again. */
export function copyOf(path: string): () => void {
  const copy = `${tempDir("copy")}/copy`;
  cpSync(path, copy, { recursive: true });
  return () => {
    rmSync(path, { recursive: true, force: true });
    cpSync(copy, path, { recursive: true });
  };
}
