import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasStrace } from "../../helpers/strace.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

/** One outcome is taken along by the begin of another call before its own commit; each says on standard output when it is kept. */
const program = (stateDir: string): string => `
  import { writeSync } from "node:fs";
  import { SqliteStore } from "./dist/shared/center/state/sqlite-store.js";
  const store = new SqliteStore(${JSON.stringify(stateDir)});
  const outcome = { kind: "received", reason: undefined, deliveredAttempt: 1 };
  for (let i = 0; i < 3; i++) {
    const [first, second] = store.find(["gw-1.e1.1" + i, "gw-1.e1.2" + i]);
    store.begin([first]);
    const kept = store.finish(first, outcome);
    store.begin([second]);
    writeSync(1, "begun " + i);
    await kept;
    writeSync(1, "kept " + i);
    await store.finish(second, outcome);
  }
`;

test.skipIf(!hasStrace())(
  "the kernel sees a sync before an outcome is kept that another call's mark took along",
  () => {
    const dir = tempDir("strace");
    const trace = join(dir, "trace");
    const node = [process.execPath, "--input-type=module", "--eval", program(join(dir, "state"))];
    const strace = ["-f", "-y", "-e", "trace=write,fsync,fdatasync", "-o", trace, ...node];
    expect(spawnSync("strace", strace, { timeout: 30_000 }).status).toBe(0);
    const lines = readFileSync(trace, "utf8").split("\n");
    const place = (pattern: RegExp, from = 0): number => lines.findIndex((line, i) => i >= from && pattern.test(line));
    for (let i = 0; i < 3; i++) {
      const begun = place(new RegExp(`write\\(1.*"begun ${i}"`));
      const kept = place(new RegExp(`write\\(1.*"kept ${i}"`));
      const sync = place(/f(data)?sync\(\d+<[^>]*center\.db-wal>/, begun);
      expect(begun).toBeGreaterThan(0);
      expect(sync, lines.slice(begun, kept + 1).join("\n")).toBeGreaterThan(begun);
      expect(sync).toBeLessThan(kept);
    }
  },
);
