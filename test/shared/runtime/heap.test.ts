import { expect, test } from "vitest";
import { startProcess } from "../../helpers/processes.ts";

const MIB = 2 ** 20;

test("a heap that is kept small grows once with the work, and gives back what it left", async () => {
  const worker = startProcess(["test/shared/runtime/heap-worker.mjs"]);
  const sizes = JSON.parse(await worker.waitForLine(/^\{/, 30_000)) as Record<
    "started" | "busy" | "longBusy" | "quiet",
    { young: number; total: number }
  >;
  expect(sizes.started.young).toBeLessThanOrEqual(2 * MIB + MIB / 2);
  expect(sizes.busy.young).toBeGreaterThanOrEqual(4 * MIB);
  expect(sizes.longBusy.young).toBeLessThanOrEqual(9 * MIB);
  expect(sizes.quiet.total).toBeLessThan(sizes.longBusy.total - 10 * MIB);
});
