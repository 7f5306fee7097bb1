import { expect, test } from "vitest";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { alarmSchema } from "../../../shared/alarm/alarm.ts";
import { validator } from "../../../shared/schema/validate.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { acceptOne, claimAll, openQueue, seqOf } from "./open.ts";

const validateAlarm = validator(alarmSchema);
const entry = (payload: string | Uint8Array, reason = "not JSON") => ({
  input: "mqtt",
  source: "alarms/1/2",
  reason,
  payload: typeof payload === "string" ? Buffer.from(payload) : payload,
});

test("a payload that is no report is kept as it came, counted, and told in one technical alarm", async () => {
  const queue = openQueue();
  const payload = Buffer.concat([Buffer.from([0, 0xff, 0xed, 0xa0, 0x80]), Buffer.from("{broken".repeat(1_000))]);
  await queue.quarantine(entry(payload));
  expect(queue.quarantinedPayload(1)?.payload).toEqual(payload);
  const [alarm] = queue.list({ point: "quarantine", limit: 10 }).items;
  const { stages: _, ...plain } = alarm as NonNullable<typeof alarm>;
  expect(plain).toMatchObject({ category: "technical", event: "status", priority: "medium", attributes: { count: 1 } });
  expect(plain.text).toContain("not JSON");
  expect(plain.raw).toContain("{broken");
  expect(plain.raw?.length).toBeLessThanOrEqual(1_024);
  expect(validateAlarm(plain)).toEqual({ ok: true, value: plain as Alarm });
});

test("a flood raises one alarm; the rest is told later, also over a restart", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  await Promise.all(Array.from({ length: 50 }, (_, i) => queue.quarantine(entry(`bad ${i}`, `reason ${i}`))));
  expect(queue.list({ point: "quarantine", limit: 10 }).items.length).toBe(1);
  expect(queue.summary().quarantined).toBe(50);
  await queue.close();
  queue = openQueue({ dataDir });
  await queue.quarantine(entry("one more"));
  const [second, first] = queue.list({ point: "quarantine", limit: 10 }).items;
  expect(Number(first?.attributes?.["count"]) + Number(second?.attributes?.["count"])).toBe(51);
});

test("entries are paged, shown in part, and removed", async () => {
  const queue = openQueue();
  for (let i = 1; i <= 5; i++) await queue.quarantine(entry(`${i}`.repeat(10_000)));
  const first = queue.quarantined({ limit: 2 });
  expect(first.items.map(({ n, payload, payloadBytes }) => [n, payload.length, payloadBytes])).toEqual([
    [5, 4_096, 10_000],
    [4, 4_096, 10_000],
  ]);
  const second = queue.quarantined({ limit: 3, ...(first.nextCursor && { cursor: first.nextCursor }) });
  expect(second.items.map(({ n }) => n)).toEqual([3, 2, 1]);
  expect(second.nextCursor).toBeUndefined();
  expect(await queue.removeQuarantined(3)).toBe(true);
  expect(await queue.removeQuarantined(3)).toBe(false);
  expect(queue.quarantinedPayload(3)).toBeUndefined();
  expect(queue.summary().quarantined).toBe(4);
});

test("quarantine has a limit, and the oldest go", async () => {
  const queue = openQueue();
  const megabyte = Buffer.alloc(2 ** 20, "x");
  for (let i = 0; i < 70; i++) await queue.quarantine(entry(megabyte));
  expect(queue.summary().quarantined).toBe(64);
  expect(queue.quarantinedPayload(6)).toBeUndefined();
  expect(queue.quarantinedPayload(7)).toBeDefined();
});

test("an alarm that is set aside leaves its lane with its reason, keeps its stage, and comes back on request", async () => {
  const dataDir = tempDir("queue");
  let queue = openQueue({ dataDir });
  const id = await acceptOne(queue, { text: "poison" });
  const [frame] = claimAll(queue, 3);
  await queue.setAside(1, frame?.alarms[0] ?? "", "it cannot be relayed");
  await queue.setAside(1, frame?.alarms[0] ?? "", "it cannot be relayed");
  expect(queue.quarantined({ limit: 10 }).items).toMatchObject([{ input: "relay", source: id }]);
  expect(queue.get(id)?.stages.relayedAt).toBeUndefined();
  await queue.close();

  queue = openQueue({ dataDir });
  await acceptOne(queue);
  expect(claimAll(queue, 3).flatMap((claimed) => claimed.seqs)).toEqual([3]);
  expect(await queue.relayAgain([id])).toBe(1);
  expect(claimAll(queue, 3)).toMatchObject([{ seqs: [seqOf(id)] }]);
});
