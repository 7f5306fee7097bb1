import { expect, test } from "vitest";
import { trimmedReceipts } from "../../../hub/intake/trimmed-logs.ts";
import { NO_LANE } from "../../../hub/ledger/positions.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { CENTERS } from "../ledger/ledger-fixture.ts";
import { type Logs, startLogs } from "./logs-fixture.ts";

const BYTES_MAX = 8 * 2 ** 20;
/** So many receipts fill the log. */
const RECEIPTS = 128;
const RECEIPT_BYTES = BYTES_MAX / RECEIPTS - 256;

/** Alarms with these numbers, one frame each, received by every center; a raised one stays open. */
async function flow(logs: Logs, firstSeq: number, count: number, event: "status" | "raised"): Promise<string[]> {
  const ids: string[] = [];
  for (let seq = firstSeq; seq < firstSeq + count; seq++) {
    const one = alarm(seq, { event, priority: "high" });
    await logs.frame([one]);
    ids.push(one.id);
    for (const center of CENTERS) await logs.receipt(center, { type: "received", alarms: [one.id] }, RECEIPT_BYTES);
  }
  return ids;
}

async function trimmed(logs: Logs, intake: Awaited<ReturnType<Logs["startIntake"]>>): Promise<number> {
  const { lastSeq } = await logs.state("RECEIPTS");
  await intake.follow("RECEIPTS", NO_LANE, lastSeq);
  const trimmer = intake.trim(trimmedReceipts);
  await eventually("it is trimmed", async () => (await logs.state("RECEIPTS")).bytes < BYTES_MAX * 0.8);
  await trimmer.stop();
  return (await logs.state("RECEIPTS")).firstSeq;
}

test("receipts of closed alarms go, and a ledger that is built anew has all of those of open ones", async () => {
  const logs = await startLogs({ RECEIPTS: BYTES_MAX });
  const intake = await logs.startIntake();
  const closed = await flow(logs, 1, RECEIPTS * 0.2, "status");
  const open = await flow(logs, 101, 3, "raised");
  for (const id of open) await logs.receipt("arc-south", { type: "acknowledged", alarms: [id], operator: "kim" });
  const later = await flow(logs, 201, RECEIPTS * 0.21, "status");
  const firstSeq = await trimmed(logs, intake);
  // A mark stands for about 1 MiB: nearly all that may go has gone.
  expect(firstSeq).toBeGreaterThan(closed.length);
  expect(firstSeq).toBeLessThanOrEqual(closed.length * 2 + 1);
  await intake.intake.stop();

  const rebuilt = await logs.startIntake();
  for (const id of open) {
    expect(rebuilt.deliveries(id)).toEqual(["received", "acknowledged"]);
    expect(rebuilt.ledger.receipts.responsible(id)).toMatchObject({ center: "arc-south", operator: "kim" });
  }
  for (const id of later) expect(rebuilt.deliveries(id)).toEqual(["received", "received"]);
  // Those go to the centers again, since nobody knows any more that they have them.
  const again = closed.filter((id) => rebuilt.deliveries(id).includes("pending"));
  expect(again).toEqual(closed.slice(0, again.length));
  expect(again).toHaveLength(Math.floor(firstSeq / 2));
});

test("receipts of alarms that ALARMS holds no more go first, and nothing is dispatched again for it", async () => {
  const logs = await startLogs({ RECEIPTS: BYTES_MAX });
  const intake = await logs.startIntake();
  // A lane in which nothing else happens does not keep what came after it.
  const low = alarm(1, { event: "status", priority: "low" });
  await intake.follow("ALARMS", 3, await logs.frame([low], "low"));
  for (const center of CENTERS) await logs.receipt(center, { type: "received", alarms: [low.id] });
  const gone = await flow(logs, 101, RECEIPTS * 0.15, "status");
  const { lastSeq } = await logs.state("ALARMS");
  const open = await flow(logs, 201, 1, "raised");
  const settled = await flow(logs, 301, RECEIPTS * 0.12, "status");
  const kept = await flow(logs, 401, RECEIPTS * 0.15, "status");
  await logs.admin.purgeUpTo("ALARMS", "alarm.*.high", lastSeq);
  const first = await trimmed(logs, intake);
  expect(first).toBeGreaterThan(gone.length);
  expect(first).toBeLessThanOrEqual(2 + gone.length * 2 + 1);

  // Once ALARMS has lost the open one as well, which is settled, its receipts are of no use to anybody either.
  await logs.admin.purgeUpTo("ALARMS", "alarm.*.high", lastSeq + open.length + settled.length);
  const last = await flow(logs, 501, RECEIPTS * 0.15, "status");
  const second = await trimmed(logs, intake);
  expect(second).toBeGreaterThan(2 + (gone.length + open.length) * 2);
  expect(second).toBeLessThanOrEqual(2 + (gone.length + open.length + settled.length) * 2 + 1);
  expect(intake.told().filter(({ text }) => text?.includes("not acknowledged"))).toEqual([]);
  await intake.intake.stop();

  const rebuilt = await logs.startIntake();
  for (const id of [...kept, ...last]) expect(rebuilt.deliveries(id)).toEqual(["received", "received"]);
});

test("if all of it is about open alarms, what is applied goes, and an alarm tells what that costs", async () => {
  const logs = await startLogs({ RECEIPTS: BYTES_MAX });
  const intake = await logs.startIntake();
  await flow(logs, 1, RECEIPTS * 0.41, "raised");
  const { lastSeq } = await logs.state("RECEIPTS");
  await intake.follow("RECEIPTS", NO_LANE, lastSeq);
  intake.trim(trimmedReceipts);
  await eventually("it is told, and that there is room again", () => intake.told().length === 2);
  const [raised, cleared] = intake.told();
  expect(raised).toMatchObject({ condition: "log-filling", event: "raised", point: "RECEIPTS", priority: "high" });
  expect(raised?.text).toContain("open alarms may count as not received and not acknowledged");
  expect(cleared).toMatchObject({ condition: "log-filling", event: "cleared", point: "RECEIPTS" });
  const state = await logs.state("RECEIPTS");
  expect(state.bytes).toBeLessThanOrEqual(BYTES_MAX * 0.5);
  expect(state.firstSeq).toBeLessThanOrEqual(lastSeq);
});

test("a full log refuses with words, and takes receipts again once it is trimmed", async () => {
  const logs = await startLogs({ RECEIPTS: BYTES_MAX });
  const intake = await logs.startIntake();
  await flow(logs, 1, RECEIPTS / 2 - 1, "status");
  const filling = async (): Promise<never> => {
    for (;;) await logs.receipt("arc-north", { type: "received", alarms: ["gw-1.e1.1"] }, 1_000);
  };
  await expect(filling()).rejects.toMatchObject({ api_error: { err_code: 10077 } });
  const { id } = alarm(900);
  await intake.follow("ALARMS", 1, await logs.frame([alarm(900, { priority: "high" })]));
  const { ledger } = intake;
  const received = { event: "received", centerId: ledger.names.centerId("arc-north"), atMs: Date.now() } as const;
  await ledger.write(() => ledger.deliveries.apply(received, ledger.refs.find([id]).found));
  const acknowledge = () => intake.commands.acknowledge(id, { center: "arc-north", operator: "kim" });
  await expect(acknowledge()).rejects.toMatchObject({
    code: "log_full",
    status: 503,
    message: "the stream behind receipt.arc-north is full",
  });
  await trimmed(logs, intake);
  expect(await acknowledge()).toMatchObject({ kind: "acknowledged", created: true });
});

test("the message of the position stays, also where it alone is more than a log is trimmed to", async () => {
  const logs = await startLogs({ RECEIPTS: 1_000_000 });
  const intake = await logs.startIntake();
  await intake.follow("ALARMS", 1, await logs.frame([alarm(1, { event: "status", priority: "high" })]));
  const [north, south] = CENTERS as [string, string];
  const received = { type: "received", alarms: ["gw-1.e1.1"] };
  await logs.receipt(north, received, 300_000);
  await intake.follow("RECEIPTS", NO_LANE, await logs.receipt(south, received, 570_000));
  const trimmer = intake.trim(trimmedReceipts);
  await eventually("it is trimmed", async () => (await logs.state("RECEIPTS")).firstSeq > 1);
  await trimmer.stop();
  expect(await logs.state("RECEIPTS")).toMatchObject({ firstSeq: 2, messages: 1 });
});
