import { expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { startProcess, type TestProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

interface Printed {
  alarm: { id: string };
  attempt: number;
}

const listenArgs = (url: string, state: string): string[] => [
  "dist/shared/center/main.js",
  "listen",
  "--id",
  CENTER,
  "--servers",
  url,
  "--state",
  state,
  "--json",
];

const printed = ({ lines }: TestProcess): Printed[] => lines.map((line) => JSON.parse(line) as Printed);

test("killed four times in the middle of 5,000: none is missing, only calls that were cut off come again", async () => {
  const nats = await startNats();
  // A short ack wait, so that what a killed process held is handed out again soon.
  const hub = await startTestHub(nats.url, { ackWaitMs: 4_000 });
  const state = tempDir("state");
  const listen = () => startProcess(listenArgs(nats.url, state));
  const alarms = makeAlarms(5_000);
  await hub.publish(alarms, { frameAlarms: 128 });
  const runs: TestProcess[] = [];
  for (const untilLines of [300, 900, 1, 1_500]) {
    const run = listen();
    runs.push(run);
    await eventually("it is in the middle", () => run.lines.length >= untilLines, { timeoutMs: 20_000, everyMs: 1 });
    await run.kill("SIGKILL");
  }
  const last = listen();
  runs.push(last);
  await eventually("all are answered", () => hub.answered("received").size === alarms.length, { timeoutMs: 40_000 });
  expect(await last.kill("SIGINT")).toEqual({ code: 0, signal: null });
  const all = runs.flatMap(printed);
  expect(new Set(all.map(({ alarm }) => alarm.id)).size).toBe(alarms.length);
  const attempts = new Map<string, number>();
  let repeats = 0;
  for (const { alarm, attempt } of all) {
    const before = attempts.get(alarm.id);
    expect(attempt).toBeGreaterThan(before ?? 0);
    if (before !== undefined) repeats++;
    attempts.set(alarm.id, attempt);
  }
  // No more than ran at once can have been cut off by each kill; some of those had not printed their line.
  expect(repeats).toBeLessThanOrEqual(4 * 16);
  const marked = all.filter(({ attempt }) => attempt > 1).length;
  expect(marked).toBeLessThanOrEqual(4 * 16);
}, 90_000);

test("what a killed process held comes at once to the next one, not after the ack wait", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url, { ackWaitMs: 60_000 });
  const state = tempDir("state");
  const jsm = await hub.link.connection().jetstreamManager();
  const held = async () => (await jsm.consumers.info("DELIVERIES", `${CENTER}-high`)).num_ack_pending;
  // Without its stream no receipt has a PubAck, and a frame is held until then.
  const { config } = await jsm.streams.info("RECEIPTS");
  await jsm.streams.delete("RECEIPTS");
  await hub.publish(makeAlarms(30), { frameAlarms: 10 });
  const first = startProcess(listenArgs(nats.url, state));
  await eventually("all are printed", () => first.lines.length === 30);
  await first.kill("SIGKILL");
  await jsm.streams.add(config);
  expect(await held()).toBe(3);
  const second = startProcess(listenArgs(nats.url, state));
  await second.waitForLine(/listening as arc-north/);
  await eventually("all frames are acked", async () => (await held()) === 0, { timeoutMs: 3_000 });
  // Their outcomes were known: nothing is printed twice.
  expect(second.lines).toEqual([]);
});
