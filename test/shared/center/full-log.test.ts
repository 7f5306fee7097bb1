import { expect, test } from "vitest";
import { connectCenter } from "../../../shared/center/index.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import type { Receipt } from "../../../shared/wire/receipt.ts";
import { STREAMS, SUBJECTS } from "../../../shared/wire/subjects.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { capturedLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub, type TestHub } from "./test-hub.ts";

/** A log of receipts that takes nothing more. */
async function fill(hub: TestHub, admin: StreamAdmin): Promise<void> {
  const spec = { name: STREAMS.receipts, subjects: [SUBJECTS.allReceipts], discard: "new", replicas: 1 } as const;
  await admin.ensureStream({ ...spec, bytesMax: 64 * 1024 });
  const js = hub.link.connection().jetstream();
  const publish = (bytes: number) =>
    js.publish("receipt.another", JSON.stringify({ type: "failed", alarms: [], padding: "x".repeat(bytes) }));
  for (let bytes = 32_768; bytes >= 1; bytes /= 2) while (await publish(bytes).catch(() => undefined));
}

test("while the log of receipts is full, a center says so, keeps its receipts, and sends each of them once there is room", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const admin = new StreamAdmin(hub.link);
  await fill(hub, admin);
  const { log, lines } = capturedLog();
  const center = await connectCenter({ id: CENTER, servers: nats.url, stateDir: tempDir("center"), log });
  whenTestFinished(() => center.stop());
  const alarms = makeAlarms(50);
  const handled: string[] = [];
  await center.listen(async ({ alarm }) => {
    handled.push(alarm.id);
  });
  await hub.publish(alarms);
  await eventually("all are handled", () => handled.length === alarms.length);
  const [first] = alarms as [(typeof alarms)[number]];
  expect(await center.acknowledge(first.id, { operator: "kim" })).toEqual({ kind: "stored" });
  const said = (word: string) => lines.some(({ msg }) => msg.includes(word) && msg.includes("is full"));
  await eventually("it says what waits", () => said("receipts wait") && said("acknowledgments"));
  // What was refused is tried more than once.
  const tries = hub.receipts.length;
  await eventually("it goes on trying", () => hub.receipts.length >= tries + 3);

  await admin.purge(STREAMS.receipts, "receipt.another");
  const jsm = await hub.link.connection().jetstreamManager();
  const stored = async (): Promise<Receipt[]> => {
    const { state } = await jsm.streams.info(STREAMS.receipts);
    const seqs = Array.from({ length: state.messages }, (_, i) => state.last_seq - i);
    const messages = await Promise.all(seqs.map((seq) => jsm.streams.getMessage(STREAMS.receipts, { seq })));
    return messages.map((message) => message.json<Receipt>());
  };
  const named = (receipts: Receipt[], type: string): string[] =>
    receipts.filter((receipt) => receipt.type === type).flatMap((receipt) => receipt.alarms);
  await eventually("all are stored", async () => {
    const receipts = await stored();
    return named(receipts, "received").length >= alarms.length && named(receipts, "acknowledged").length > 0;
  });
  const receipts = await stored();
  expect(named(receipts, "received").sort()).toEqual(alarms.map(({ id }) => id).sort());
  expect(named(receipts, "acknowledged")).toEqual([first.id]);
  expect(handled).toHaveLength(alarms.length);
});
