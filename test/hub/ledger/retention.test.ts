import { expect, test } from "vitest";
import { EXPIRED_SQL } from "../../../hub/ledger/retention.ts";
import { openSqliteReader } from "../../../shared/sqlite/read.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { ledgerFixture, T0 } from "./ledger-fixture.ts";

const OPENINGS = [{ name: "openings", match: { category: ["open-close"] }, deliver: "none" as const, continue: false }];

test("closed alarms leave the ledger once they are too old, and open ones stay", async () => {
  const { ledger, reader, hold } = ledgerFixture(OPENINGS);
  // An opening goes to nobody, so it is closed as soon as it is held.
  for (const seq of [1, 3, 4, 5]) await hold({ seq, category: "open-close" });
  await hold({ seq: 2, category: "fire" });
  const remove = (beforeMs: number, limit: number): Promise<number> =>
    ledger.write(() => ledger.retention.remove(beforeMs, limit));
  const left = (): string[] => reader.alarms({}, { limit: 10 }).items.map(({ id }) => id);
  expect(await remove(T0, 10)).toBe(0);
  expect(await remove(T0 + 3_500, 1)).toBe(1);
  expect(await remove(T0 + 3_500, 1)).toBe(1);
  expect(await remove(T0 + 3_500, 1)).toBe(0);
  expect(left()).toEqual(["gw-1.e1.2", "gw-1.e1.5", "gw-1.e1.4"]);
  expect(await remove(T0 + 1e9, 10)).toBe(2);
  expect(left()).toEqual(["gw-1.e1.2"]);
});

test("it is looked only at those that are old enough, whatever the size of the ledger", () => {
  const { ledger } = ledgerFixture();
  const db = openSqliteReader(ledger.path);
  whenTestFinished(() => {
    db.close();
  });
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${EXPIRED_SQL}`).all(0, 10, T0, 200) as { detail: string }[];
  expect(plan.map(({ detail }) => detail)).toEqual(["SEARCH alarm USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]);
});
