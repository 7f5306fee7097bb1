import { spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FILLER = "filler";
const SPARE_MIB = 64;
const mounted = new Set<string>();
process.on("exit", () => {
  for (const dir of mounted) spawnSync("umount", ["-l", dir]);
});

/** Why no small disk can be made here; undefined if one can. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a disk can be mounted only by root on Linux";
  const dir = mkdtempSync(join(tmpdir(), "alarm-relay-disk-"));
  try {
    const failed = mount(dir, 1);
    if (failed === undefined) unmount(dir);
    return failed;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A folder that lies on a disk of its own for a while, with some space left. */
export class SmallDisk {
  readonly #dir: string;
  readonly #beneath: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#beneath = `${dir}.beneath`;
  }

  /** Moves a folder, which nobody may use meanwhile, to a disk of 64 MiB more than it takes. */
  static put(dir: string): SmallDisk {
    const disk = new SmallDisk(dir);
    renameSync(dir, disk.#beneath);
    mkdirSync(dir);
    const failed = mount(dir, SPARE_MIB + mebibytesOf(disk.#beneath));
    if (failed !== undefined) throw new Error(failed);
    cpSync(disk.#beneath, dir, { recursive: true });
    return disk;
  }

  /** Takes all space that is left, to the last byte. */
  fill(): void {
    const file = openSync(join(this.#dir, FILLER), "w");
    try {
      for (const bytes of [1 << 20, 4_096, 1]) writeUntilFull(file, Buffer.alloc(bytes, 1));
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.#dir, FILLER), { force: true });
  }

  /** Moves the folder, which nobody may use meanwhile, back to where it was. */
  remove(): void {
    this.free();
    rmSync(this.#beneath, { recursive: true });
    cpSync(this.#dir, this.#beneath, { recursive: true });
    unmount(this.#dir);
    rmSync(this.#dir, { recursive: true });
    renameSync(this.#beneath, this.#dir);
  }
}

function writeUntilFull(file: number, bytes: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, bytes) < bytes.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}

function mebibytesOf(dir: string): number {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" });
  const bytes = files.reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
  return Math.ceil(bytes / 2 ** 20);
}

function mount(dir: string, mebibytes: number): string | undefined {
  const options = ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", dir];
  const { status, stderr } = spawnSync("mount", options, { encoding: "utf8" });
  if (status !== 0) return `no disk can be mounted here: ${String(stderr).trim()}`;
  mounted.add(dir);
  return undefined;
}

function unmount(dir: string): void {
  if (spawnSync("umount", [dir]).status !== 0) spawnSync("umount", ["-l", dir]);
  mounted.delete(dir);
}
