import { expect, test } from "vitest";
import { type CenterOptions, connectCenter } from "../../../shared/center/index.ts";
import { STREAMS } from "../../../shared/wire/subjects.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

async function start(options: Partial<CenterOptions> = {}, ackWaitMs = 10_000) {
  const nats = await startNats();
  const hub = await startTestHub(nats.url, { ackWaitMs });
  const center = await connectCenter({ id: CENTER, servers: nats.url, stateDir: tempDir("center"), ...options });
  whenTestFinished(() => center.stop());
  return { nats, hub, center };
}

/** A handler's way of taking its time until the test lets it go. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("one point's alarms run one after another in order, many points at once", async () => {
  const { hub, center } = await start({ concurrency: 8 });
  const running = new Map<string, number>();
  const order = new Map<string, string[]>();
  let together = 0;
  let togetherMax = 0;
  await center.listen(async ({ alarm }) => {
    expect(running.get(alarm.point) ?? 0).toBe(0);
    running.set(alarm.point, 1);
    order.set(alarm.point, [...(order.get(alarm.point) ?? []), alarm.id]);
    togetherMax = Math.max(togetherMax, ++together);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    together--;
    running.set(alarm.point, 0);
  });
  const alarms = makeAlarms(400, { points: 10, priority: "critical" });
  await hub.publish(alarms, { frameAlarms: 50 });
  await eventually("all are answered", () => hub.answered("received").size === 400);
  for (const [point, ids] of order) {
    expect(ids).toEqual(alarms.filter((alarm) => alarm.point === point).map(({ id }) => id));
  }
  expect(togetherMax).toBe(8);
});

test("a critical alarm has a slot although handlers of lower ones hang", async () => {
  const { hub, center } = await start({ concurrency: 4 });
  const { opened, open } = gate();
  const begun: string[] = [];
  await center.listen(async ({ alarm }) => {
    begun.push(alarm.priority);
    if (alarm.priority === "low") await opened;
  });
  await hub.publish(makeAlarms(100, { priority: "low" }));
  await eventually("the low ones run", () => begun.length === 3);
  await hub.publish(makeAlarms(1, { firstSeq: 1_000, priority: "critical", area: "vault" }));
  await eventually("the critical one is received", () => hub.answered("received").has("gw-1.k3abcdef.1000"));
  expect(begun).toEqual(["low", "low", "low", "critical"]);
  open();
  await eventually("all are received", () => hub.answered("received").size === 101);
});

test("frames behind a handler that takes longer than the ack wait are not handed out again", async () => {
  const { hub, center } = await start({ stateDir: undefined }, 4_000);
  const { opened, open } = gate();
  const counts: number[] = [];
  await center.listen(async ({ attempt }) => {
    counts.push(attempt);
    await opened;
  });
  await hub.publish(makeAlarms(10), { frameAlarms: 5 });
  await eventually("they run", () => counts.length === 10);
  const startedMs = performance.now();
  await eventually("the ack wait of 4 s has passed", () => performance.now() - startedMs > 6_000);
  const jsm = await hub.link.connection().jetstreamManager();
  const durables = await jsm.consumers.list(STREAMS.deliveries).next();
  expect(durables.map((info) => info.num_redelivered)).toEqual([0, 0, 0, 0]);
  open();
  await eventually("all are received", () => hub.answered("received").size === 10);
  expect(counts).toEqual(Array.from({ length: 10 }, () => 1));
});

test("stop finishes what runs, sends its receipts, and gives the rest back at once", async () => {
  const { nats, hub, center } = await start({ concurrency: 2 });
  const { opened, open } = gate();
  const begun: string[] = [];
  await center.listen(async ({ alarm }) => {
    begun.push(alarm.id);
    await opened;
  });
  await hub.publish(makeAlarms(10, { priority: "critical" }), { frameAlarms: 5 });
  await eventually("two run", () => begun.length === 2);
  const stopped = center.stop();
  open();
  await stopped;
  await eventually("their receipts are there", () => hub.answered("received").size === 2);
  expect(begun).toHaveLength(2);
  const startedMs = performance.now();
  const second = await connectCenter({ id: CENTER, servers: nats.url });
  whenTestFinished(() => second.stop());
  await second.listen(() => undefined);
  await eventually("a successor gets the others", () => hub.answered("received").size === 10);
  // They did not wait for the ack wait of 10 s.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a handler that does not end is told to give up after the timeout, and its alarm comes again with attempt 2", async () => {
  const stateDir = tempDir("state");
  const { nats, hub, center } = await start({ stateDir });
  let aborted: unknown;
  await center.listen(async ({ signal }) => {
    await new Promise<never>(() => {
      signal.addEventListener("abort", () => (aborted = signal.reason));
    });
  });
  await hub.publish(makeAlarms(1));
  await eventually("it runs", async () => (await hubPending(hub)) === 1);
  await center.stop({ timeoutMs: 100 });
  expect(aborted).toMatchObject({ code: "stopping" });
  expect(hub.receipts).toHaveLength(0);
  const attempts: number[] = [];
  const second = await connectCenter({ id: CENTER, servers: nats.url, stateDir });
  whenTestFinished(() => second.stop());
  await second.listen(({ attempt }) => void attempts.push(attempt));
  await eventually("it is received", () => hub.answered("received").size === 1);
  expect(attempts).toEqual([2]);
});

async function hubPending(hub: Awaited<ReturnType<typeof startTestHub>>): Promise<number> {
  const jsm = await hub.link.connection().jetstreamManager();
  const durables = await jsm.consumers.list("DELIVERIES").next();
  return durables.reduce((sum, info) => sum + info.num_ack_pending, 0);
}
