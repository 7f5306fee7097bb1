import { expect, test } from "vitest";
import { tempDir } from "../../helpers/temp-dir.ts";
import { changer, openQueue, reports } from "./open.ts";

test("after a restart the counts of many alarms, in several lanes and stages, are what they were", async () => {
  const dataDir = tempDir("queue");
  const first = openQueue({ dataDir });
  for (let i = 0; i < 25; i++) {
    await first.accept([...reports(1_000), ...reports(900, { priority: "high" })], { input: "test" });
  }
  const { tell } = changer(first);
  await tell({ kind: "held", ids: [[first.epoch, 1_500, 30_000]], centers: ["arc-1"] });
  await tell({ kind: "settled", ids: [[first.epoch, 20_000, 25_000]] });
  const { rows, bytes, lastSeq } = first.summary();
  expect(lastSeq).toBe(47_500);
  expect(rows.high.settled + rows.low.settled).toBe(5_001);
  await first.close();
  const second = openQueue({ dataDir });
  expect(second.summary()).toMatchObject({ rows, bytes, lastSeq });
});
