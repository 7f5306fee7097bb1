import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { copyOf } from "../../helpers/copy-of.ts";
import { removeLedger, startRelay } from "./flow-of-alarms.ts";

// Small in the suite. As it is meant: LOSS_ALARMS=50000 LOSS_COPY_AGE_S=300, with a longer --test-timeout.
const ALARMS = Number(process.env["LOSS_ALARMS"] ?? 2_000);
const COPY_AGE_S = Number(process.env["LOSS_COPY_AGE_S"] ?? 1);
/** While a copy grows old, alarms come in so many parts. */
const PARTS = 10;
const TIMEOUT_MS = 240_000 + COPY_AGE_S * 2_000;

const WHICH = [
  { name: "the store of nats-server", store: true, ledger: false },
  { name: "the hub's ledger", store: false, ledger: true },
  { name: "both", store: true, ledger: true },
];

type Relay = Awaited<ReturnType<typeof startRelay>>;
interface Which {
  store: boolean;
  ledger: boolean;
}

/** Does something to the files while their owners are down. */
async function whileDown(relay: Relay, { store, ledger }: Which, act: () => void): Promise<void> {
  if (ledger) await relay.stopHub();
  if (store) await relay.nats.kill();
  act();
  if (store) await relay.nats.restart();
  if (ledger) await relay.startHub();
}

test.each(WHICH)(`$name lost in the middle of ${ALARMS} alarms`, { timeout: TIMEOUT_MS }, async (which) => {
  const relay = await startRelay();
  const posting = relay.post(ALARMS);
  await relay.reach(ALARMS / 4);
  await whileDown(relay, which, () => {
    if (which.store) rmSync(relay.nats.storeDir, { recursive: true, force: true });
    if (which.ledger) removeLedger(relay.ledgerPath);
  });
  await posting;
  await relay.finish();
});

test.each(WHICH)(
  `$name put back, ${COPY_AGE_S} s old, in the middle of ${ALARMS} alarms`,
  {
    timeout: TIMEOUT_MS,
  },
  async (which) => {
    const relay = await startRelay();
    await relay.post(ALARMS / 10);
    await relay.arrive();
    const putBack: (() => void)[] = [];
    await whileDown(relay, which, () => {
      if (which.store) putBack.push(copyOf(relay.nats.storeDir));
      if (which.ledger) putBack.push(copyOf(relay.ledgerPath));
    });
    for (let part = 0; part < PARTS; part++) {
      await relay.post(ALARMS / 2 / PARTS);
      await sleep((COPY_AGE_S * 1_000) / PARTS);
    }
    const before = relay.received.size;
    const posting = relay.post(ALARMS * 0.4);
    await relay.reach(before + ALARMS / 10);
    await whileDown(relay, which, () => {
      for (const put of putBack) put();
    });
    await posting;
    await relay.finish();
    // The center knows what it has.
    expect([...relay.received.values()].every((times) => times === 1)).toBe(true);
  },
);
