import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * Registers what to do when the current test is over, last in first out. Returns false outside of a test
 * (`beforeAll`), where the caller has to clean up by itself.
 */
export function whenTestFinished(run: (failed: boolean) => Promise<void> | void): boolean {
  try {
    onTestFinished(({ task }) => run(task.result?.state === "fail"));
    return true;
  } catch {
    return false;
  }
}

/**
 * A new folder for the current test: removed when it passes, kept and named when it fails. Outside of a test it stays
 * until `removeTempDir`.
 */
export function tempDir(name = "test"): string {
  const path = mkdtempSync(join(tmpdir(), `alarm-relay-${name}-`));
  whenTestFinished((failed) => {
    if (failed) console.error(`the test failed; its files are kept in ${path}`);
    else removeTempDir(path);
  });
  return path;
}

/** Removes a folder with all that is in it; tries again, since a server may still be writing its last file. */
export function removeTempDir(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}
