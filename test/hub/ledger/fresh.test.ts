import { expect, test } from "vitest";
import type { OutboxItem } from "../../../hub/ledger/outbox-item.ts";
import { alarm } from "../../helpers/alarm.ts";
import { type LedgerFixture, ledgerFixture, T0 } from "./ledger-fixture.ts";

const LANE = 1;
const BOUNDS = { alarmsMax: 100, bytesMax: 1e6 };

/** A dispatcher's view of one outlet: it takes what comes next, and remembers how far it is. */
function outlet({ ledger }: LedgerFixture, center = "arc-north") {
  const centerId = ledger.names.centerId(center);
  let cursorN = 0;
  return {
    take: (bounds = BOUNDS): OutboxItem[] => {
      const items = ledger.outbox.take(centerId, LANE, cursorN, bounds);
      cursorN = items.at(-1)?.n ?? cursorN;
      return items;
    },
    /** The same from the ledger itself, from the place where it is. */
    read: (): OutboxItem[] => {
      ledger.outbox.rewind(centerId, LANE);
      const items = ledger.outbox.take(centerId, LANE, cursorN, BOUNDS);
      ledger.outbox.rewind(centerId, LANE);
      return items;
    },
  };
}

const seqs = (items: readonly OutboxItem[]): number[] => items.map(({ id }) => Number(id.split(".")[2]));

test("what was held a moment ago is handed over as the ledger has it, in order", async () => {
  const fixture = ledgerFixture();
  const [north, south] = [outlet(fixture), outlet(fixture, "arc-south")];
  expect(north.take()).toEqual([]);
  await fixture.holdMany(1, 3);
  await fixture.hold({ seq: 4, account: "1001", text: "Türe „Süd“ 🚪", point: 'a "quoted" point' });
  const read = south.read();
  expect(seqs(read)).toEqual([1, 2, 3, 4]);
  expect(north.take()).toEqual(read);
  expect(north.take()).toEqual([]);
});

test("a frame ends at its bounds, and the next one goes on behind it", async () => {
  const fixture = ledgerFixture();
  const { take } = outlet(fixture);
  take();
  await fixture.holdMany(1, 10);
  expect(seqs(take({ alarmsMax: 4, bytesMax: 1e6 }))).toEqual([1, 2, 3, 4]);
  expect(seqs(take({ alarmsMax: 4, bytesMax: 1 }))).toEqual([5]);
  expect(seqs(take())).toEqual([6, 7, 8, 9, 10]);
});

test("a backlog is read from the ledger to its end before anything comes from memory", async () => {
  const fixture = ledgerFixture();
  const { take } = outlet(fixture);
  const few = { alarmsMax: 4, bytesMax: 1e6 };
  await fixture.holdMany(1, 6);
  expect(seqs(take(few))).toEqual([1, 2, 3, 4]);
  await fixture.holdMany(7, 8);
  expect(seqs(take(few))).toEqual([5, 6, 7, 8]);
  await fixture.holdMany(9, 9);
  expect(seqs(take(few))).toEqual([9]);
  await fixture.holdMany(10, 11);
  expect(seqs(take(few))).toEqual([10, 11]);
});

test("what a transaction that failed would have held is not handed over", async () => {
  const fixture = ledgerFixture();
  const { take } = outlet(fixture);
  take();
  const router = () => ({ route: "default", centers: ["arc-north"], require: 1 });
  const one = alarm(1, { priority: "high" });
  const alarms = [{ alarm: one, encoded: JSON.stringify(one) }];
  const failing = fixture.ledger.write(() => {
    fixture.ledger.hold({ agent: "gw-1", lane: LANE, relayedAgain: false, isMarked: false, alarms, router }, T0);
    throw new Error("the disk is full");
  });
  await expect(failing).rejects.toThrow("the disk is full");
  expect(take()).toEqual([]);
  await fixture.holdMany(2, 2);
  expect(seqs(take())).toEqual([2]);
});

test("what a center has received before it was dispatched is not handed over", async () => {
  const fixture = ledgerFixture();
  const { take } = outlet(fixture);
  take();
  await fixture.holdMany(1, 3);
  await fixture.happen("received", "arc-north", ["gw-1.e1.2"]);
  expect(seqs(take())).toEqual([1, 3]);
});

test("more than may wait in memory is read from the ledger", async () => {
  const fixture = ledgerFixture();
  const { take } = outlet(fixture);
  take();
  const text = "x".repeat(60_000);
  for (let seq = 1; seq <= 300; seq++) await fixture.hold({ seq, text });
  await fixture.holdMany(301, 310);
  const taken: number[] = [];
  for (let items = take(); items.length > 0; items = take()) taken.push(...seqs(items));
  expect(taken).toEqual(Array.from({ length: 310 }, (_, i) => i + 1));
  await fixture.holdMany(311, 312);
  expect(seqs(take())).toEqual([311, 312]);
});
