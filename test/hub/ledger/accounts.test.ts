import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { type LedgerFixture, ledgerFixture, T0 } from "./ledger-fixture.ts";

const openings = {
  name: "openings",
  match: { category: ["open-close"] },
  deliver: "none",
  continue: false,
} as const;

/** Every alarm of an account, page by page. */
function seqsOf({ reader }: LedgerFixture, account: string): number[] {
  const seqs: number[] = [];
  let cursor: string | undefined;
  do {
    const page = reader.alarms({ account }, { limit: 1_000, cursor });
    seqs.push(...page.items.map(({ id }) => Number(id.split(".")[2])));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return seqs;
}

/** The numbers from `last` down to `first`. */
const down = (last: number, first: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => last - i);

test("an account's alarms are found once each, before the index has them and after", async () => {
  const fixture = ledgerFixture();
  await fixture.holdMany(1, 4_000, { account: "7" });
  expect(seqsOf(fixture, "7")).toEqual(down(4_000, 1));
  await fixture.holdMany(4_001, 4_500, { account: "8" });
  await fixture.holdMany(4_501, 4_600, { account: "7" });
  expect(seqsOf(fixture, "7")).toEqual([...down(4_600, 4_501), ...down(4_000, 1)]);
  expect(seqsOf(fixture, "8")).toEqual(down(4_500, 4_001));
  const failing = fixture.ledger.write(() => {
    throw new Error("the disk is full");
  });
  await expect(failing).rejects.toThrow("the disk is full");
  await fixture.holdMany(4_601, 9_000, { account: "7" });
  expect(seqsOf(fixture, "7")).toEqual([...down(9_000, 4_501), ...down(4_000, 1)]);
  expect(seqsOf(fixture, "9")).toEqual([]);
});

test("what retention removes leaves the index", async () => {
  const fixture = ledgerFixture([openings]);
  await fixture.holdMany(1, 5_000, { account: "7", category: "open-close" });
  await fixture.holdMany(5_001, 5_010, { account: "7" });
  const file = new Database(fixture.ledger.path, { readonly: true });
  whenTestFinished(() => void file.close());
  const indexed = () => file.prepare("SELECT count(*) FROM account_alarm").pluck().get();
  expect(indexed()).toBe(5_000);
  await fixture.ledger.write(() => fixture.ledger.retention.remove(T0 + 1, 10_000));
  expect(indexed()).toBe(0);
  expect(seqsOf(fixture, "7")).toEqual(down(5_010, 5_001));
});
