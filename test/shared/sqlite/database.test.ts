import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { prepareOnce, SqliteConnection } from "../../../shared/sqlite/database.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const DATABASE = new URL("../../../dist/shared/sqlite/database.js", import.meta.url).href;

/** Makes statements and connections, lets go of them, and collects garbage where no JavaScript runs. */
const CHURN = `
  import { SqliteConnection } from ${JSON.stringify(DATABASE)};
  const db = new SqliteConnection(":memory:");
  let junk = [];
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 20; i++) db.prepare("SELECT " + i).get();
    for (let i = 0; i < 20; i++) db.pragma("user_version", { simple: true });
    new SqliteConnection(":memory:").close();
    junk = Array.from({ length: 20_000 }, (_, i) => ({ i }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.log("alive", junk.length);
`;

test("a process that lets go of statements and connections lives on (it aborted on Node 24)", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--max-semi-space-size=1",
    "--input-type=module",
    "-e",
    CHURN,
  ]);
  expect(stdout).toBe("alive 20000\n");
});

test("pragmas are set and read as with the library's own", () => {
  const db = new SqliteConnection(`${tempDir("sqlite")}/it.db`);
  db.pragma("journal_mode = wal");
  db.pragma("user_version = 7");
  expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
  expect(db.pragma("user_version", { simple: true })).toBe(7);
  db.pragma("user_version = 8");
  expect(db.pragma("user_version")).toEqual([{ user_version: 8 }]);
  expect(db.pragma("optimize")).toEqual([]);
  db.close();
});

test("SQL that is put together at run time is prepared once per connection", () => {
  const [one, other] = [new SqliteConnection(":memory:"), new SqliteConnection(":memory:")];
  expect(prepareOnce(one, "SELECT 1")).toBe(prepareOnce(one, "SELECT 1"));
  expect(prepareOnce(one, "SELECT 1")).not.toBe(prepareOnce(other, "SELECT 1"));
});
