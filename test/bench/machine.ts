import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { findNatsServer } from "../../hub/broker/find.ts";
import { createFolder, removeFolder } from "./folder.ts";
import { median } from "./statistics.ts";

const SYNCS = 101;

/** What the figures were measured on, as one line. */
export function machineLine(): string {
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? "CPU"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `a synced write of 4 KiB in ${syncedWriteMs().toFixed(2)} ms`,
    `Linux ${release()}`,
    `Node ${process.version}`,
    execFileSync(findNatsServer(), ["--version"], { encoding: "utf8" }).trim().replace(": v", " "),
  ].join(", ");
}

/** How long the disk takes for what every commit waits for; the median. */
function syncedWriteMs(): number {
  const dir = createFolder("disk");
  const file = openSync(join(dir, "synced"), "w");
  const page = Buffer.alloc(4_096, 1);
  const times = Array.from({ length: SYNCS }, () => {
    const startMs = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - startMs;
  });
  closeSync(file);
  removeFolder(dir);
  return median(times);
}
