import { expect, test } from "vitest";
import { trimmedAlarms } from "../../../hub/intake/trimmed-logs.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { CENTERS } from "../ledger/ledger-fixture.ts";
import { startLogs } from "./logs-fixture.ts";

const BYTES_MAX = 8 * 2 ** 20;
const FRAME_ALARMS = 64;
const TEXT = "x".repeat(3_000);
const HIGH = 1;

/** ALARMS at 85 % of its limit, with alarms that nobody has received. */
async function startFilled() {
  const logs = await startLogs({ ALARMS: BYTES_MAX });
  const intake = await logs.startIntake();
  const { ledger } = intake;
  let frames = 0;
  const frame = async (): Promise<void> => {
    const firstSeq = frames++ * FRAME_ALARMS + 1;
    const alarms = Array.from({ length: FRAME_ALARMS }, (_, i) =>
      alarm(firstSeq + i, { text: TEXT, priority: "high" }),
    );
    await intake.follow("ALARMS", HIGH, await logs.frame(alarms));
  };
  const state = () => logs.state("ALARMS");
  while ((await state()).bytes < BYTES_MAX * 0.85) await frame();
  const settle = (upTo: number): Promise<void> =>
    ledger.write(() => {
      const { found } = ledger.refs.find(Array.from({ length: upTo }, (_, i) => `gw-1.e1.${i + 1}`));
      for (const center of CENTERS) {
        const happening = { event: "received", centerId: ledger.names.centerId(center), atMs: Date.now() } as const;
        ledger.deliveries.apply(happening, found);
      }
    });
  return { ...intake, frame, settle, state, alarms: frames * FRAME_ALARMS, trim: () => intake.trim(trimmedAlarms) };
}

test("a log that fills is trimmed of what is settled, and of nothing else while that is enough", async () => {
  const parts = await startFilled();
  const settled = Math.floor(parts.alarms * 0.2);
  await parts.settle(settled);
  parts.trim();
  await eventually("it is trimmed", async () => (await parts.state()).bytes < BYTES_MAX * 0.8);
  const { firstSeq } = await parts.state();
  expect((firstSeq - 1) * FRAME_ALARMS).toBeLessThanOrEqual(settled);
  // What is left is still much: that is told.
  await eventually("it is told", () => parts.told().length > 0);
  await parts.frame();
});

test("if nothing is settled, what is held goes: the agents keep it", async () => {
  const parts = await startFilled();
  parts.trim();
  await eventually("it is trimmed", async () => (await parts.state()).bytes < BYTES_MAX * 0.65);
  for (let i = 0; i < 12; i++) await parts.frame();
});

test("what was not followed is never trimmed, and a warning is told once", async () => {
  const parts = await startFilled();
  const { ledger } = parts;
  const position = ledger.positions.get("ALARMS", HIGH) ?? expect.fail("no position");
  await ledger.write(() => ledger.positions.set("ALARMS", HIGH, { ...position, streamCreatedAt: "another" }));
  const before = await parts.state();
  parts.trim();
  await eventually("it is told", () => parts.told().length > 0);
  expect(parts.told()).toMatchObject([{ condition: "log-filling", event: "raised", point: "ALARMS" }]);
  expect((await parts.state()).messages).toBe(before.messages);
});

test("what an earlier run of the hub has warned of is cleared once there is room", async () => {
  const logs = await startLogs({ ALARMS: BYTES_MAX });
  const intake = await logs.startIntake();
  const { ledger } = intake;
  const warning = { kind: "log-filling", subject: "ALARMS", category: "technical", priority: "high" } as const;
  await ledger.write(() => ledger.own.tell({ ...warning, event: "raised", text: "it fills" }, Date.now(), 0));
  await intake.follow("ALARMS", HIGH, await logs.frame(intake.told()));
  expect(intake.told()).toEqual([]);
  intake.trim(trimmedAlarms);
  await eventually("it is told", () => intake.told().length > 0);
  expect(intake.told()).toMatchObject([{ condition: "log-filling", event: "cleared", point: "ALARMS" }]);
});
