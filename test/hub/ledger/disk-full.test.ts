import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { startFlow } from "../flow-fixture.ts";

const DISK_MIB = 8;

/** A disk of a few MiB, or undefined where this process may not mount one. */
function smallDisk(): string | undefined {
  const dir = tempDir("disk");
  const { status } = spawnSync("/bin/mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", dir]);
  if (status !== 0) return undefined;
  whenTestFinished(() => void spawnSync("/bin/umount", ["-l", dir]));
  return dir;
}

function fillDisk(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096, 1));
  } catch {
    // It is full.
  } finally {
    closeSync(file);
  }
}

test("a full disk: the hub says so, takes nothing back, and goes on by itself when there is space", async (context) => {
  const disk = smallDisk();
  if (disk === undefined) return context.skip("this process may not mount a disk");
  const { hub, publish, changes, delivered } = await startFlow({ dataDir: join(disk, "hub") });
  await publish([alarm(1)]);
  await eventually("it is held", () => changes.some(({ kind }) => kind === "held"));
  const filler = join(disk, "filler");
  fillDisk(filler);
  const many = Array.from({ length: 50 }, (_, i) => alarm(i + 2, { raw: "r".repeat(10_000) }));
  await publish(many);
  await eventually("health tells", async () => {
    const response = await fetch(`${hub.url}/readyz`);
    const { reasons } = (await response.json()) as { reasons: string[] };
    expect(reasons.join()).toMatch(/the ledger cannot be written: .*full/);
    return response.status === 503;
  });
  rmSync(filler);
  await eventually("the others are delivered", () => new Set(delivered.map(({ id }) => id)).size === 51);
  await eventually("it is ready", async () => (await fetch(`${hub.url}/readyz`)).status === 200);
});

test("a start on a disk that is full ends with a sentence that says so", async (context) => {
  const disk = smallDisk();
  if (disk === undefined) return context.skip("this process may not mount a disk");
  fillDisk(join(disk, "filler"));
  await expect(startFlow({ dataDir: join(disk, "hub") })).rejects.toMatchObject({ code: "store_failed" });
});
