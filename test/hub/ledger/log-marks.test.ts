import { join } from "node:path";
import { expect, test } from "vitest";
import { Ledger } from "../../../hub/ledger/ledger.ts";
import { ledgerMigrations } from "../../../hub/ledger/schema.ts";
import { openSqlite } from "../../../shared/sqlite/open.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { ledgerFixture } from "./ledger-fixture.ts";

const RECEIPTS = "receipt.*";
const BYTES = 2 ** 20;

function reopen(dataDir: string): Ledger {
  const ledger = new Ledger(dataDir);
  whenTestFinished(() => ledger.close());
  return ledger;
}

test("a log may go up to the last mark below what is needed, by number and by time", () => {
  const { ledger } = ledgerFixture();
  const { marks } = ledger;
  for (const [seq, n] of [
    [10, 3],
    [20, 7],
    // What is about lower numbers only does not make what lies before it older.
    [30, 2],
    [40, 9],
  ] as const) {
    marks.followed(RECEIPTS, { seq, atMs: seq * 1_000 }, { bytes: BYTES, n });
  }
  expect(marks.seqWithin(RECEIPTS, { belowN: 3 })).toBe(0);
  expect(marks.seqWithin(RECEIPTS, { belowN: 4 })).toBe(10);
  expect(marks.seqWithin(RECEIPTS, { belowN: 7 })).toBe(10);
  expect(marks.seqWithin(RECEIPTS, { belowN: 8 })).toBe(30);
  expect(marks.seqWithin(RECEIPTS, { belowN: 8, beforeMs: 30_000 })).toBe(20);
  expect(marks.seqWithin(RECEIPTS, { beforeMs: 40_001 })).toBe(40);
  expect(marks.seqWithin(RECEIPTS, {})).toBe(Infinity);
  expect(marks.seqWithin("receipt.other", { belowN: 100 })).toBe(0);
  marks.trimmed(RECEIPTS, 30);
  expect(marks.seqWithin(RECEIPTS, { belowN: 9 })).toBe(0);
  marks.clear(RECEIPTS);
  marks.followed(RECEIPTS, { seq: 1, atMs: 1 }, { bytes: BYTES, n: 1 });
  expect(marks.seqWithin(RECEIPTS, { belowN: 100 })).toBe(1);
});

test("after a start, what was followed and not marked may be about any alarm that is held", async () => {
  const { ledger, holdMany } = ledgerFixture();
  await holdMany(1, 50);
  ledger.marks.followed(RECEIPTS, { seq: 1, atMs: 1 }, { bytes: BYTES - 1, n: 50 });
  ledger.close();
  const { marks } = reopen(join(ledger.path, ".."));
  marks.followed(RECEIPTS, { seq: 2, atMs: 2 }, { bytes: BYTES, n: 1 });
  expect(marks.seqWithin(RECEIPTS, { belowN: 50 })).toBe(0);
  expect(marks.seqWithin(RECEIPTS, { belowN: 51 })).toBe(2);
});

test("the marks of an older ledger count on, each in its lane of ALARMS", () => {
  const dataDir = tempDir("ledger");
  const old = openSqlite({ path: join(dataDir, "ledger.db"), migrations: ledgerMigrations.slice(0, 2) });
  old.exec("INSERT INTO log_mark (lane, seq, n) VALUES (0, 5, 2), (3, 8, 4)");
  old.close();
  const { marks } = reopen(dataDir);
  const bounds = { belowN: 10 };
  expect(["critical", "high", "low"].map((name) => marks.seqWithin(`alarm.*.${name}`, bounds))).toEqual([5, 0, 8]);
});
