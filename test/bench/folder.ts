import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();
process.on("exit", () => {
  for (const folder of folders) removeFolder(folder);
});

/** A new folder for what is measured, which may grow to gigabytes: it does not outlive the bench, however that ends. */
export function createFolder(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `alarm-relay-bench-${name}-`));
  folders.add(path);
  return path;
}

/** Removes it with all that is in it; tries again, since a process may still be writing its last file. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  folders.delete(path);
}
