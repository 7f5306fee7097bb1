import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { queueMigrations } from "../../../agent/queue/schema.ts";
import { isDamage, setAside } from "../../../shared/sqlite/damage.ts";
import { openSqlite } from "../../../shared/sqlite/open.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const SQL = "CREATE TABLE epoch";

test("the settings on which durability rests are those that SQLite reads back on the connection that writes", () => {
  const db = openSqlite({ path: join(tempDir("open"), "queue.db"), migrations: queueMigrations, verifies: true });
  const read = (name: string) => db.pragma(name, { simple: true });
  expect({
    journal_mode: read("journal_mode"),
    synchronous: read("synchronous"),
    foreign_keys: read("foreign_keys"),
    auto_vacuum: read("auto_vacuum"),
  }).toEqual({ journal_mode: "wal", synchronous: 2, foreign_keys: 1, auto_vacuum: 2 });
  db.close();
});

test("a file that cannot be in WAL mode is refused", () => {
  expect(() => openSqlite({ path: ":memory:", migrations: queueMigrations })).toThrow(
    expect.objectContaining({ code: "store_unsafe" }),
  );
});

test("a store of a newer version is refused and not taken for a damaged one", () => {
  const path = join(tempDir("open"), "queue.db");
  const newer = [...queueMigrations, { name: "later", sql: "CREATE TABLE later (n INTEGER) STRICT" }];
  openSqlite({ path, migrations: newer, verifies: true }).close();
  const opening = () => openSqlite({ path, migrations: queueMigrations, verifies: true });
  expect(opening).toThrow(expect.objectContaining({ code: "store_newer" }));
});

test("a damaged store is told from others, and set aside under names that are never used twice", () => {
  const path = join(tempDir("open"), "queue.db");
  openSqlite({ path, migrations: queueMigrations, verifies: true }).close();
  const bytes = readFileSync(path);
  // Pages keep what they held before: the text in use is one of several.
  for (let at = bytes.indexOf(SQL); at >= 0; at = bytes.indexOf(SQL, at + 1)) bytes.write("SELECT", at, "latin1");
  const names = new Set<string>();
  for (let i = 0; i < 3; i++) {
    writeFileSync(path, bytes);
    try {
      openSqlite({ path, migrations: queueMigrations, verifies: true });
      expect.unreachable();
    } catch (error) {
      expect(isDamage(error)).toBe(true);
    }
    const name = setAside(path);
    expect(readFileSync(name).equals(bytes)).toBe(true);
    names.add(name);
  }
  expect(names.size).toBe(3);
});
