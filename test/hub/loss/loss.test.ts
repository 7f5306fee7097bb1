import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { copyOf } from "../../helpers/copy-of.ts";
import { deleteStream, removeLedger, startRelay } from "./flow-of-alarms.ts";

const TIMEOUT_MS = 240_000;

test("ALARMS and DELIVERIES are deleted in the middle of the flow", { timeout: TIMEOUT_MS }, async () => {
  const relay = await startRelay();
  await relay.post(500);
  const posting = relay.post(1_000);
  await deleteStream(relay.nc, "ALARMS");
  await posting;
  await deleteStream(relay.nc, "DELIVERIES");
  await relay.post(200);
  await deleteStream(relay.nc, "RECEIPTS");
  await relay.finish();
});

test("the center's durables are deleted", { timeout: TIMEOUT_MS }, async () => {
  const relay = await startRelay();
  await relay.post(300);
  const jsm = await relay.nc.jetstreamManager();
  for (const lane of ["critical", "high", "medium", "low"])
    await jsm.consumers.delete("DELIVERIES", `arc-north-${lane}`);
  await relay.post(300);
  await relay.finish();
});

test("the store of nats-server is wiped while the hub runs, and while it is down", {
  timeout: TIMEOUT_MS,
}, async () => {
  const relay = await startRelay();
  await relay.post(500);
  await relay.nats.kill();
  await relay.post(300);
  rmSync(relay.nats.storeDir, { recursive: true, force: true });
  await relay.nats.restart();
  await relay.post(300);
  await relay.stopHub();
  await relay.post(300);
  await relay.nats.stop();
  rmSync(relay.nats.storeDir, { recursive: true, force: true });
  await relay.nats.restart();
  await relay.startHub();
  await relay.finish();
});

test.each(["runs", "is down"])(
  "the store is restored to an older copy while the hub %s",
  { timeout: TIMEOUT_MS },
  async (how) => {
    const relay = await startRelay();
    await relay.post(300);
    await relay.arrive();
    await relay.nats.stop();
    const restore = copyOf(relay.nats.storeDir);
    await relay.nats.restart();
    // These are gone from the restored store, and the next ones get their sequences.
    await relay.post(500);
    await relay.arrive();
    await relay.post(100);
    if (how === "is down") await relay.stopHub();
    await relay.nats.kill();
    restore();
    await relay.nats.restart();
    await relay.post(1_500);
    if (how === "is down") await relay.startHub();
    await relay.finish();
  },
);

test("the ledger is deleted, and the store with it", { timeout: TIMEOUT_MS }, async () => {
  const relay = await startRelay();
  await relay.post(500);
  await relay.stopHub();
  removeLedger(relay.ledgerPath);
  await relay.post(300);
  await relay.startHub();
  await relay.post(300);
  await relay.stopHub();
  await relay.post(200);
  await relay.nats.stop();
  rmSync(relay.nats.storeDir, { recursive: true, force: true });
  removeLedger(relay.ledgerPath);
  await relay.nats.restart();
  await relay.startHub();
  await relay.finish();
});

test("the ledger is restored from an older copy", { timeout: TIMEOUT_MS }, async () => {
  const relay = await startRelay();
  await relay.post(300);
  await relay.arrive();
  await relay.stopHub();
  const restore = copyOf(relay.ledgerPath);
  await relay.startHub();
  await relay.post(500);
  await relay.arrive();
  await relay.stopHub();
  await relay.post(200);
  restore();
  await relay.startHub();
  await relay.finish();
  // Nothing reached a handler a second time: the center knows what it has.
  expect([...relay.received.values()].every((times) => times === 1)).toBe(true);
});
