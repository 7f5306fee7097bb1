import { dirname } from "node:path";
import { expect, test } from "vitest";
import { LogTrimmer } from "../../../hub/intake/log-trimmer.ts";
import { trimmedReceipts } from "../../../hub/intake/trimmed-logs.ts";
import { Ledger } from "../../../hub/ledger/ledger.ts";
import { NatsLink } from "../../../shared/nats/link.ts";
import { StreamAdmin } from "../../../shared/nats/streams.ts";
import { eventually } from "../../helpers/eventually.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { removeLedger, startRelay } from "./flow-of-alarms.ts";

type Relay = Awaited<ReturnType<typeof startRelay>>;

/** Trims RECEIPTS to half of what it holds, as the hub, which is stopped, would at a limit. */
async function trimReceipts(relay: Relay): Promise<void> {
  const log = silentLog();
  const link = new NatsLink({ target: { servers: [relay.nats.url] }, name: "test", inboxPrefix: "_INBOX_trim", log });
  whenTestFinished(() => link.stop());
  link.start();
  await link.waitConnected(10_000);
  const admin = new StreamAdmin(link);
  const ledger = new Ledger(dirname(relay.ledgerPath));
  whenTestFinished(() => ledger.close());
  const before = await admin.streamState("RECEIPTS");
  const bytesMax = before?.bytes ?? expect.fail("no stream");
  await admin.ensureStream({ name: "RECEIPTS", subjects: ["receipt.*"], discard: "new", bytesMax, replicas: 1 });
  const options = { ledger, admin, log, isConnected: () => true, everyMs: 20 };
  const trimmer = new LogTrimmer(trimmedReceipts({ ledger, admin }), options);
  trimmer.start();
  await eventually("it is trimmed", async () => ((await admin.streamState("RECEIPTS"))?.bytes ?? 0) <= bytesMax / 2);
  await trimmer.stop();
  ledger.close();
}

test("receipts are trimmed, then the ledger is lost: nothing is, and a center knows what it has", {
  timeout: 240_000,
}, async () => {
  const relay = await startRelay();
  for (let i = 0; i < 10; i++) await relay.post(50);
  await relay.finish();
  await relay.stopHub();
  await trimReceipts(relay);
  removeLedger(relay.ledgerPath);
  await relay.startHub();
  await relay.finish();
  await eventually("all are closed again", async () => {
    const answer = await fetch(`${relay.hubUrl()}/v1/alarms?open=true&agent=gw-1`);
    return ((await answer.json()) as { items: unknown[] }).items.length === 0;
  });
  expect([...relay.received.values()].every((times) => times === 1)).toBe(true);
  // The hub has brought the log to its own limit again.
  const jsm = await relay.nc.jetstreamManager();
  expect((await jsm.streams.info("RECEIPTS")).config).toMatchObject({ max_bytes: 4 * 2 ** 30, discard: "new" });
  expect((await jsm.streams.info("DECISIONS")).config).toMatchObject({ max_bytes: 256 * 2 ** 20, discard: "new" });
});
