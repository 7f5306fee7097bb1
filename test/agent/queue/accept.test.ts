import { expect, test } from "vitest";
import { alarmSchema } from "../../../shared/alarm/alarm.ts";
import type { RelayError } from "../../../shared/runtime/errors.ts";
import { validator } from "../../../shared/schema/validate.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, claimAll, openQueue, report, reports, seqOf } from "./open.ts";

const validateAlarm = validator(alarmSchema);

test("an accepted report becomes an alarm with all that was left open filled in", async () => {
  const queue = openQueue({ nowMs: () => Date.parse("2026-03-01T10:00:00.250Z") });
  const id = await acceptOne(queue, { category: "fire", occurredAt: "2026-03-01T12:00:00+02:00", text: "smoke" });
  expect(id).toBe(`gw-1.${queue.epoch}.1`);
  const { stages, ...alarm } = queue.get(id) as NonNullable<ReturnType<typeof queue.get>>;
  expect(alarm).toEqual({
    id,
    agent: "gw-1",
    point: "zone-1",
    category: "fire",
    condition: "fire",
    event: "raised",
    priority: "critical",
    text: "smoke",
    occurredAt: "2026-03-01T10:00:00.000Z",
    acceptedAt: "2026-03-01T10:00:00.250Z",
  });
  expect(stages).toEqual({ acceptedAt: "2026-03-01T10:00:00.250Z", deliveries: [] });
  expect(validateAlarm(alarm)).toEqual({ ok: true, value: alarm });
});

test("calls that meet share transactions, and each gets the ids of its own reports", async () => {
  const queue = openQueue();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => queue.accept(reports(3, { point: `p-${i}` }), { input: "test" })),
  );
  const ids = answers.flat().map((answer) => (answer.kind === "accepted" ? answer.id : ""));
  expect(new Set(ids).size).toBe(600);
  expect(ids.map(seqOf).sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
  answers.forEach((answer, i) => {
    for (const one of answer) expect(queue.get(one.kind === "accepted" ? one.id : "")?.point).toBe(`p-${i}`);
  });
});

test("seqs continue over restarts without gaps, each start under an epoch of its own", async () => {
  const dataDir = tempDir("queue");
  const ids: string[] = [];
  const epochs = new Set<string>();
  for (let start = 0; start < 4; start++) {
    const queue = openQueue({ dataDir });
    epochs.add(queue.epoch);
    // The third start accepts nothing: its epoch has no alarms and is not declared.
    if (start !== 2) for (let i = 0; i < 3; i++) ids.push(await acceptOne(queue));
    await queue.close();
  }
  expect(epochs.size).toBe(4);
  expect(ids.map(seqOf)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(new Set(ids).size).toBe(9);
  const queue = openQueue({ dataDir });
  expect(queue.epochs().map(([, first, last]) => [first, last])).toEqual([
    [1, 3],
    [4, 6],
    [7, 9],
  ]);
  for (const id of ids) expect(queue.get(id)?.id).toBe(id);
});

test("an id of another epoch, agent or form is not found", async () => {
  const queue = openQueue();
  const id = await acceptOne(queue);
  for (const other of [`gw-2.${queue.epoch}.1`, "gw-1.other.1", `gw-1.${queue.epoch}.2`, `${id}.1`, "x", ""]) {
    expect(queue.get(other)).toBeUndefined();
  }
});

test("an alarm over 64 KiB is refused by its path, and nothing of the call is stored", async () => {
  const queue = openQueue();
  const large = report({ raw: "é".repeat(40_000) });
  const refused = await queue.accept([report(), large], { input: "test" }).catch((error: RelayError) => error);
  expect(refused).toMatchObject({ code: "alarm_too_large", details: [{ path: "/1/raw" }] });
  expect(queue.summary().lastSeq).toBe(0);
  expect(queue.list({ limit: 10 }).items).toEqual([]);
});

test("the same report again is the first alarm; the same reportId with other content is a new one, and counted", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const fields = { reportId: "r-1", account: "1001", attributes: { a: 1, b: 2 } };
  const first = await acceptOne(queue, fields);
  const again = await queue.accept([report({ ...fields, attributes: { b: 2, a: 1 } })], { input: "test" });
  expect(again).toEqual([{ kind: "duplicate", id: first }]);

  const other = await acceptOne(queue, { ...fields, text: "something else" });
  expect(other).not.toBe(first);
  expect(queue.summary().reportIdsReused).toBe(1);
  expect(await queue.accept([report({ ...fields, text: "something else" })], { input: "test" })).toEqual([
    { kind: "duplicate", id: other },
  ]);
  // Unique within account and point only.
  expect(await acceptOne(queue, { ...fields, point: "zone-2" })).not.toBe(first);
  expect(await acceptOne(queue, { ...fields, account: "1002" })).not.toBe(first);
  expect(queue.summary()).toMatchObject({ lastSeq: 4, reportIdsReused: 1 });

  await queue.close();
  queue = openQueue({ dataDir });
  expect(await queue.accept([report(fields)], { input: "test" })).toEqual([{ kind: "duplicate", id: first }]);
});

test("a report that comes twice in one call is one alarm", async () => {
  const queue = openQueue();
  const twice = report({ reportId: "r-1" });
  const [first, second] = await queue.accept([twice, twice], { input: "test" });
  expect(first).toMatchObject({ kind: "accepted" });
  expect(second).toEqual({ kind: "duplicate", id: first?.kind === "accepted" ? first.id : "" });
});

test("under a change key only what differs is accepted, also after a restart", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const accept = (fields: object) => queue.accept([report(fields)], { input: "test", changeKey: "zigbee2mqtt/door" });
  expect(await accept({ event: "raised", occurredAt: "2026-03-01T12:00:00Z" })).toMatchObject([{ kind: "accepted" }]);
  expect(await accept({ event: "raised", occurredAt: "2026-03-01T12:00:01Z" })).toEqual([{ kind: "unchanged" }]);
  await queue.close();
  queue = openQueue({ dataDir });
  expect(await accept({ event: "raised" })).toEqual([{ kind: "unchanged" }]);
  expect(await accept({ event: "cleared" })).toMatchObject([{ kind: "accepted" }]);
  expect(await accept({ event: "raised" })).toMatchObject([{ kind: "accepted" }]);
  expect(queue.summary().lastSeq).toBe(3);
});

test("under a change key a list is compared with the whole of the last message, wherever a report stands in it", async () => {
  const queue = openQueue();
  const tamper = report({ category: "tamper", event: "cleared" });
  const [smoke, clear] = [report({ category: "fire" }), report({ category: "fire", event: "cleared" })];
  const say = async (...said: ReturnType<typeof report>[]) =>
    (await queue.accept(said, { input: "test", changeKey: "zigbee2mqtt/smoke" })).map(({ kind }) => kind);
  expect(await say(tamper, smoke)).toEqual(["accepted", "accepted"]);
  expect(await say(smoke, tamper)).toEqual(["unchanged", "unchanged"]);
  expect(await say(clear)).toEqual(["accepted"]);
  expect(await say(tamper, smoke)).toEqual(["accepted", "accepted"]);
  expect(await say()).toEqual([]);
  expect(await say(smoke)).toEqual(["unchanged"]);
  expect(await say(tamper, smoke)).toEqual(["accepted", "unchanged"]);
});

test.each([
  [
    "by code pair",
    { category: "intrusion", code: "BA", codeSystem: "sia" },
    { category: "intrusion", code: "BR", codeSystem: "sia" },
  ],
  ["by condition", { category: "other", condition: "door" }, { category: "other", condition: "door" }],
  ["by category", { category: "technical" }, { category: "technical" }],
  ["of its whole category", { category: "technical", condition: "battery" }, { category: "technical" }],
] as const)("a clear takes the priority of its raise: %s", async (_, raise, clear) => {
  const queue = openQueue();
  await acceptOne(queue, { ...raise, priority: "critical" });
  const id = await acceptOne(queue, { ...clear, event: "cleared", priority: "low" });
  expect(queue.get(id)?.priority).toBe("critical");
  expect(claimAll(queue, 0)[0]?.seqs).toEqual([1, 2]);
});

test("a clear finds its raise over a restart, the last one counts, and other points are none of its business", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const raise = { category: "technical", account: "1", area: "2" } as const;
  await acceptOne(queue, { ...raise, priority: "critical" });
  await acceptOne(queue, { ...raise, priority: "high" });
  await queue.close();
  queue = openQueue({ dataDir });
  const clear = async (fields: object) => queue.get(await acceptOne(queue, { ...raise, event: "cleared", ...fields }));
  expect((await clear({}))?.priority).toBe("high");
  expect((await clear({}))?.priority).toBe("high");
  expect((await clear({ area: "3" }))?.priority).toBe("medium");
  expect((await clear({ account: "2" }))?.priority).toBe("medium");
  expect((await clear({ point: "zone-2" }))?.priority).toBe("medium");
  expect((await clear({ condition: "other" }))?.priority).toBe("medium");
});

test("openings and closings are never paired", async () => {
  const queue = openQueue();
  await acceptOne(queue, { category: "open-close", event: "raised", priority: "high" });
  const id = await acceptOne(queue, { category: "open-close", event: "cleared" });
  expect(queue.get(id)?.priority).toBe("low");
});

test("a closed queue refuses", async () => {
  const queue = openQueue();
  await queue.close();
  await expect(queue.accept([report()], { input: "test" })).rejects.toMatchObject({ code: "stopping" });
});
