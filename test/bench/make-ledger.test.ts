import { expect, test } from "vitest";
import { Ledger } from "../../hub/ledger/ledger.ts";
import { openLedgerReader } from "../../hub/ledger/read/reader.ts";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";
import { accountOf, BIG_ACCOUNT, CENTER, idOf, makeLedger } from "./make-ledger.ts";

const COUNT = 20_000;

test("the ledger that is made with SQL is one that the hub takes, with what it says", () => {
  const dir = tempDir("made-ledger");
  makeLedger(dir, COUNT);
  // Opening it checks every page of a file of this size.
  const ledger = new Ledger(dir);
  whenTestFinished(() => ledger.close());
  const reader = openLedgerReader({ path: ledger.path, run: ledger.run, subscribe: () => () => undefined });
  whenTestFinished(() => reader.close());
  expect(reader.openAlarms()).toBe(COUNT / 100);
  expect(reader.backlog(CENTER)).toEqual({ open: { critical: 0, high: 0, medium: 0, low: 0 }, failed: 0 });
  expect(reader.alarms({ open: true }, { limit: 1 }).items).toMatchObject([
    { state: "unacknowledged", condition: "raised", deliveries: [{ center: CENTER, state: "received" }] },
  ]);
  for (const n of [1, 99, COUNT]) {
    expect(reader.alarm(idOf(n))).toMatchObject({ id: idOf(n), alarm: { id: idOf(n) }, route: { centers: [CENTER] } });
  }
  expect(reader.alarm(idOf(COUNT + 1))).toBeUndefined();
  for (const account of [BIG_ACCOUNT, accountOf(3)]) {
    const [first] = reader.alarms({ account }, { limit: 1 }).items;
    expect(first?.alarm.account).toBe(account);
  }
  expect(reader.agents("", 1_000)).toHaveLength(1_000);
  expect(reader.agents("", 1)).toMatchObject([{ held: COUNT / 1_000, gaps: [] }]);
});
