import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { humanBytes } from "../../../shared/cli/output.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import type { AgentConfig } from "../../config.ts";
import { type Finding, failed, ok } from "./types.ts";

const SYNCS = 20;
const BLOCK_BYTES = 4_096;
/** Every accepted report waits for one sync; with slower ones a burst of alarms backs up at the devices. */
const SYNC_MS_MAX = 250;

/** Where the queue lies: that we may write, that there is room for it, and how long one synced write takes. */
export function checkDisk({ dataDir, queue }: AgentConfig): Finding[] {
  // The folder itself is not made here: the agent makes it, as the user that it runs as.
  const folder = nearestFolder(dataDir);
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    return [failed("disk", `${folder} is not ours to write: ${messageOf(error)}`, "give the agent's user this folder")];
  }
  return [checkSpace(folder, queue.bytesMax), checkSync(folder)];
}

function checkSpace(folder: string, bytesMax: number): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const text = `${humanBytes(freeBytes)} free at ${folder}, the queue may take ${humanBytes(bytesMax)}`;
  if (freeBytes >= bytesMax) return ok("space", text);
  return failed("space", text, "make room, choose another dataDir, or lower queue.bytesMax");
}

function checkSync(folder: string): Finding {
  const file = join(folder, `.alarm-agent-check-${process.pid}`);
  const block = Buffer.alloc(BLOCK_BYTES);
  const times: number[] = [];
  try {
    const fd = openSync(file, "wx");
    try {
      for (let i = 0; i < SYNCS; i++) {
        const startedAtMs = performance.now();
        writeSync(fd, block);
        fsyncSync(fd);
        times.push(performance.now() - startedAtMs);
      }
    } finally {
      closeSync(fd);
      rmSync(file);
    }
  } catch (error) {
    return failed("sync", `writing at ${folder} failed: ${messageOf(error)}`, "check the disk and its file system");
  }
  times.sort((a, b) => a - b);
  const text = `a synced write takes ${(times[SYNCS / 2] as number).toFixed(1)} ms, ${(times[SYNCS - 1] as number).toFixed(1)} ms at worst`;
  if ((times[SYNCS / 2] as number) <= SYNC_MS_MAX) return ok("sync", text);
  return failed("sync", text, "put dataDir on a local SSD or a better card");
}

function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
