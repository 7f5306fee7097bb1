import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { AlarmRecord, Outcome } from "../../../shared/center/state/outcome-store.ts";
import { SqliteStore } from "../../../shared/center/state/sqlite-store.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

const ID = "gw-1.k3abcdef.1";
const received: Outcome = { kind: "received", reason: undefined, deliveredAttempt: 1 };
const firstTime = { attempt: 1, deliveryCount: 1 };
const again = { attempt: 1, deliveryCount: 2 };

function open(stateDir: string, limits?: ConstructorParameters<typeof SqliteStore>[1]): SqliteStore {
  const store = new SqliteStore(stateDir, limits);
  whenTestFinished(() => store.close());
  return store;
}

function find(store: SqliteStore, id: string): AlarmRecord {
  return store.find([id])[0] as AlarmRecord;
}

/** What a process that was killed at this moment would leave behind. */
function killedAt(stateDir: string): string {
  const copy = tempDir();
  for (const name of ["center.db", "center.db-wal", "calls"]) copyFileSync(join(stateDir, name), join(copy, name));
  return copy;
}

/** Lets the file look as if the process had been killed, and the machine with it. */
function pretend(stateDir: string, meta: { stop: string; machine?: string }): void {
  const db = new Database(join(stateDir, "center.db"));
  for (const [key, value] of Object.entries(meta)) {
    db.prepare("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value").run(key, value);
  }
  db.close();
}

test("an outcome is kept over a restart", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const record = find(store, ID);
  store.begin([record]);
  await store.finish(record, { kind: "failed", reason: "no", deliveredAttempt: 3 });
  store.close();
  expect(find(open(stateDir), ID)).toMatchObject({
    calls: 1,
    outcome: { kind: "failed", reason: "no", deliveredAttempt: 3 },
  });
});

test("a call that was begun and not finished counts, one that was not begun does not", () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  store.begin([find(store, ID)]);
  store.close();
  pretend(stateDir, { stop: "none" });
  const next = open(stateDir);
  expect(next.attemptOf(find(next, ID), again)).toBe(2);
  expect(next.attemptOf(find(next, "gw-1.k3abcdef.2"), again)).toBe(1);
});

test("after a machine that went down, what is handed out again may have been begun", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const record = find(store, ID);
  store.begin([record]);
  await store.finish(record, received);
  store.close();
  pretend(stateDir, { stop: "none", machine: "another start" });
  for (let start = 0; start < 2; start++) {
    const next = open(stateDir);
    const unknown = find(next, "gw-1.k3abcdef.2");
    expect(next.attemptOf(unknown, again)).toBe(2);
    expect(next.attemptOf(unknown, firstTime)).toBe(1);
    expect(find(next, ID).outcome).toEqual(received);
    next.close();
    // Killed once more, on the same machine: the doubt stays until a clean stop.
    if (start === 0) pretend(stateDir, { stop: "lost" });
  }
  const after = open(stateDir);
  expect(after.attemptOf(find(after, "gw-1.k3abcdef.2"), again)).toBe(1);
});

test("a machine that restarts after a clean stop casts no doubt", () => {
  const stateDir = tempDir();
  open(stateDir).close();
  pretend(stateDir, { stop: "clean", machine: "another start" });
  const store = open(stateDir);
  expect(store.attemptOf(find(store, ID), again)).toBe(1);
});

test("rows that are too many or too old are removed, the newest stay", async () => {
  const stateDir = tempDir();
  const store = open(stateDir, { rowsMax: 3_000 });
  for (let seq = 1; seq <= 6_000; seq += 100) {
    const records = Array.from({ length: 100 }, (_, i) => find(store, `gw-1.k3abcdef.${seq + i}`));
    store.begin(records);
    await Promise.all(records.map((record) => store.finish(record, received)));
  }
  expect(find(store, "gw-1.k3abcdef.6000").outcome).toBeDefined();
  expect(find(store, "gw-1.k3abcdef.3001").outcome).toBeDefined();
  expect(find(store, "gw-1.k3abcdef.1000").outcome).toBeUndefined();
  store.close();
  // A time limit in the past: everything is too old.
  const next = open(stateDir, { keepMs: -60_000 });
  const records = next.find(Array.from({ length: 5_000 }, (_, i) => `gw-2.k3abcdef.${i + 1}`));
  next.begin(records);
  await Promise.all(records.map((record) => next.finish(record, received)));
  expect(find(next, "gw-1.k3abcdef.3500").outcome).toBeUndefined();
});

test("acknowledgments are kept in order until they are forgotten", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const at = "2026-03-01T12:00:00.000Z";
  const kept = await Promise.all([
    store.keepAcknowledgment({ id: ID, operator: "kim", note: "x", at }),
    store.keepAcknowledgment({ id: "gw-1.k3abcdef.2", operator: "lee", note: undefined, at }),
  ]);
  store.forgetAcknowledgments(kept.slice(0, 1));
  store.close();
  expect(open(stateDir).keptAcknowledgments()).toEqual([kept[1]]);
});

test("a kill before the sync parts no outcome from the acknowledgment of its handler", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const record = find(store, ID);
  store.begin([record]);
  const acknowledgment = { id: ID, operator: "kim", note: undefined, at: "2026-03-01T12:00:00.000Z" };
  const keeping = store.keepAcknowledgment(acknowledgment);
  const finishing = store.finish(record, received);
  store.begin([find(store, "gw-1.k3abcdef.2")]);
  const killed = open(killedAt(stateDir));
  expect(find(killed, ID)).toEqual({ id: ID, calls: 1, outcome: received });
  expect(killed.keptAcknowledgments()).toEqual([await keeping]);
  await finishing;
  expect(store.keptAcknowledgments()).toEqual(killed.keptAcknowledgments());
});

test("a kill leaves exactly the calls that were begun, also what was begun since the last commit", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const [first, second, third, fourth] = store.find([1, 2, 3, 4].map((seq) => `gw-1.k3abcdef.${seq}`)) as [
    AlarmRecord,
    AlarmRecord,
    AlarmRecord,
    AlarmRecord,
  ];
  store.begin([first, second]);
  await store.finish(first, { kind: "failed", reason: "no", deliveredAttempt: 1 });
  store.begin([first, third]);
  void store.finish(third, received);
  const killed = open(killedAt(stateDir));
  // The outcome of the third went nowhere yet: its call is one that was cut off.
  expect(killed.find([first, second, third, fourth].map(({ id }) => id))).toEqual([
    { id: first.id, calls: 2, outcome: undefined },
    { id: second.id, calls: 1, outcome: undefined },
    { id: third.id, calls: 1, outcome: undefined },
    { id: fourth.id, calls: 0, outcome: undefined },
  ]);
  // What it took over is committed: a second kill takes nothing back.
  killed.begin([find(killed, fourth.id)]);
  expect(find(open(killedAt(stateDir)), second.id).calls).toBe(1);
});

test("a line of the call log that was cut short, or is left from before a commit, counts for nothing", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const [long, short, last] = store.find([`gw-1.k3abcdef.${"9".repeat(15)}`, "gw-1.k3abcdef.2", "gw-1.k3abcdef.3"]) as [
    AlarmRecord,
    AlarmRecord,
    AlarmRecord,
  ];
  store.begin([long]);
  store.begin([last]);
  await Promise.all([long, last].map((record) => store.finish(record, received)));
  store.begin([short]);
  const left = killedAt(stateDir);
  const log = readFileSync(join(left, "calls"), "utf8");
  expect(log.split("\n").length).toBeGreaterThan(2);
  const known = (dir: string) => open(dir).find([long, short, last].map(({ id }) => id));
  expect(known(left).map(({ outcome }) => outcome)).toEqual([received, undefined, received]);
  const torn = killedAt(stateDir);
  const end = log.indexOf("\n") - 4;
  writeFileSync(join(torn, "calls"), `${log.slice(0, end)}${" ".repeat(6)}${log.slice(end + 6)}`);
  expect(known(torn).map(({ calls }) => calls)).toEqual([1, 0, 1]);
});

test("an acknowledgment never gets the number of one that is forgotten", async () => {
  const stateDir = tempDir();
  const store = open(stateDir);
  const acknowledgment = { id: ID, operator: "kim", note: undefined, at: "2026-03-01T12:00:00.000Z" };
  const first = await store.keepAcknowledgment(acknowledgment);
  store.forgetAcknowledgments([first]);
  store.close();
  const second = await open(stateDir).keepAcknowledgment(acknowledgment);
  expect(second.n).toBeGreaterThan(first.n);
});

test.each([
  ["cut", (bytes: Buffer) => bytes.subarray(0, bytes.length - 5_000)],
  ["empty", () => Buffer.alloc(0)],
  ["overwritten", (bytes: Buffer) => bytes.fill(0xa5, 4_096, 8_192)],
])("a state that is %s is set aside, and what comes again is marked", async (_, spoil) => {
  const stateDir = tempDir();
  const first = open(stateDir);
  const before = find(first, ID);
  first.begin([before]);
  await first.finish(before, received);
  first.close();
  const path = join(stateDir, "center.db");
  const spoilt = Buffer.from(spoil(readFileSync(path)));
  writeFileSync(path, spoilt);
  const store = open(stateDir);
  const [aside = ""] = readdirSync(stateDir).filter((name) => name.includes(".damaged-"));
  expect(store.damage).toContain(aside);
  expect(readFileSync(join(stateDir, aside)).equals(spoilt)).toBe(true);
  const found = find(store, ID);
  expect(found.outcome).toBeUndefined();
  expect(store.attemptOf(found, again)).toBe(2);
  store.close();
  expect(open(stateDir).damage).toBeUndefined();
});
