import { join } from "node:path";
import { expect, test } from "vitest";
import { GroupCommit } from "../../../shared/sqlite/group-commit.ts";
import { openSqlite, type SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const FULL = 2;
const NORMAL = 1;

function open(): SqliteDatabase {
  const migrations = [{ name: "rows", sql: "CREATE TABLE entry (n INTEGER PRIMARY KEY) STRICT" }];
  return openSqlite({ path: join(tempDir("commit"), "store.db"), migrations });
}

/** How the transaction under way will be committed. */
function syncing(db: SqliteDatabase): unknown {
  return db.pragma("synchronous", { simple: true });
}

test("what is written is synced, and a note is only where it shares its transaction", async () => {
  const db = open();
  const commit = new GroupCommit(db);
  expect(await commit.write(() => syncing(db))).toBe(FULL);
  expect(await commit.note(() => syncing(db))).toBe(NORMAL);
  expect(syncing(db)).toBe(FULL);
  const together = [commit.note(() => syncing(db)), commit.write(() => syncing(db)), commit.note(() => syncing(db))];
  expect(await Promise.all(together)).toEqual([FULL, FULL, FULL]);
  db.close();
});

test("a note that fails leaves the next transaction synced, and its neighbours stored", async () => {
  const db = open();
  const add = db.prepare("INSERT INTO entry VALUES (?)");
  const commit = new GroupCommit(db);
  const notes = [1, 1, 2].map((n) => commit.note(() => add.run(n).changes));
  expect((await Promise.allSettled(notes)).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(syncing(db)).toBe(FULL);
  expect(db.prepare("SELECT n FROM entry").pluck().all()).toEqual([1, 2]);
  db.close();
});

test("a transaction takes work up to its size in the order of arrival, and what is larger alone", async () => {
  const db = open();
  let commits = 0;
  const commit = new GroupCommit(db, { sizeMax: 10, afterCommit: () => commits++ });
  const order: number[] = [];
  const works = [4, 6, 1, 20, 2, 8].map((size) => commit.write(() => [order.push(size), commits], { size }));
  expect((await Promise.all(works)).map(([, before]) => before)).toEqual([0, 0, 1, 2, 3, 3]);
  expect(order).toEqual([4, 6, 1, 20, 2, 8]);
  expect(commits).toBe(4);
  db.close();
});

test("what is urgent goes before what came earlier, in a transaction of its own", async () => {
  const db = open();
  let commits = 0;
  const commit = new GroupCommit(db, { afterCommit: () => commits++ });
  const works = [false, true, false, true].map((isUrgent) => commit.write(() => commits, { isUrgent }));
  expect(await Promise.all(works)).toEqual([1, 0, 1, 0]);
  // One that comes at once after that goes with what waits, which it must not hold up for ever.
  const first = commit.write(() => commits, { isUrgent: true });
  const waiting = commit.write(() => commits);
  const next = first.then(() => commit.write(() => commits, { isUrgent: true }));
  expect(await Promise.all([first, waiting, next])).toEqual([2, 3, 3]);
  db.close();
});

test("a note that nobody waits for goes along with what comes next, or alone after a while", async () => {
  const db = open();
  let commits = 0;
  const commit = new GroupCommit(db, { afterCommit: () => commits++ });
  const along = commit.noteLazily(() => syncing(db), 60_000);
  await commit.write(() => undefined);
  expect([await along, commits]).toEqual([FULL, 1]);
  expect([await commit.noteLazily(() => syncing(db), 5), commits]).toEqual([NORMAL, 2]);
  db.close();
});
