import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { QUEUE_FILE } from "../../../agent/queue/queue.ts";
import { startProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, openQueue } from "./open.ts";

/** Accepts as fast as it can and prints each id once its call has resolved. */
const CHILD = `
  import { Queue } from "${pathToFileURL("dist/agent/queue/queue.js").href}";
  import { createLogger } from "${pathToFileURL("dist/shared/runtime/log.js").href}";
  const limits = { rowsMax: 1e6, bytesMax: 2 ** 30, criticalReserve: 0.1, keepConfirmedMs: 1e9 };
  const log = createLogger("test", { level: "silent", format: "json" });
  const queue = new Queue({ dataDir: process.argv[2], agent: "gw-1", custody: "center", limits, log });
  const accept = async (worker) => {
    for (let i = 0; ; i++) {
      const text = worker + " " + i;
      const [one] = await queue.accept([{ point: "zone-1", category: "other", text }], { input: "test" });
      process.stdout.write(one.id + " " + text + "\\n");
    }
  };
  for (let worker = 0; worker < 8; worker++) void accept(worker);
`;

test("what was accepted survives SIGKILL, whenever it comes", async () => {
  const dataDir = tempDir("queue");
  const script = join(dataDir, "accept.mjs");
  writeFileSync(script, CHILD);
  const accepted: string[] = [];
  for (const lines of [1, 57, 400, 1_500]) {
    const child = startProcess([script, dataDir]);
    await child.waitForLine(() => child.lines.length >= lines);
    await child.kill();
    accepted.push(...child.lines.filter((line) => /^gw-1\.\w+\.\d+ \d+ \d+$/.test(line)));
  }
  const queue = openQueue({ dataDir });
  expect(accepted.length).toBeGreaterThan(1_900);
  for (const line of accepted) {
    const [id = "", ...text] = line.split(" ");
    expect(queue.get(id)?.text, `of ${line}`).toBe(text.join(" "));
  }
  const seqs = [...queue.iterate({})].map((alarm) => Number(alarm.id.split(".")[2]));
  expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  expect(queue.summary().lastSeq).toBe(seqs.length);
});

test("the settings on which durability rests are those of the file that is used", async () => {
  const dataDir = tempDir("queue");
  const queue = openQueue({ dataDir });
  await acceptOne(queue);
  await queue.close();
  const db = new Database(join(dataDir, QUEUE_FILE), { readonly: true });
  expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
  expect(db.pragma("auto_vacuum", { simple: true })).toBe(2);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  db.close();
});
