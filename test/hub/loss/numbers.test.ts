import { expect, test } from "vitest";
import { createHub } from "../../../hub/hub.ts";
import { acceptOne, openQueue } from "../../agent/queue/open.ts";
import { startRelay } from "../../agent/relay/start-relay.ts";
import { alarm } from "../../helpers/alarm.ts";
import { copyOf } from "../../helpers/copy-of.ts";
import { eventually } from "../../helpers/eventually.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { startFlow } from "../flow-fixture.ts";

test.each([["the ledger"], ["the ledger and the store"]])(
  "an older copy of %s is put back, and numbers that a gateway knows are given again before it asks",
  { timeout: 60_000 },
  async (what) => {
    const { nats, hub: first, config, dataDir, nc, receipt } = await startFlow();
    const startHub = async () => {
      const hub = createHub(config, { log: silentLog() });
      whenTestFinished(() => hub.stop());
      await hub.start();
      return hub;
    };
    const restartNats = async () => {
      await nats.restart();
      await eventually("the test is connected again", () => nc.flush().then(() => true));
    };
    const queue = openQueue({ stallMs: 300 });
    const edge = startRelay({ natsUrl: nats.url, queue });
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await acceptOne(queue));
    await eventually("all are held", () => queue.summary().rows.low.held === 6);
    await first.stop();
    await nats.stop();
    const restores = [copyOf(dataDir), ...(what === "the ledger" ? [] : [copyOf(nats.storeDir)])];
    await restartNats();
    const second = await startHub();

    await receipt("received", ids.slice(0, 1));
    await eventually("the first is settled", () => queue.summary().rows.low.settled === 1);
    // So much lies before the next alarm that the receipts behind it are followed earlier when both logs are followed anew.
    for (let i = 0; i < 30; i++) {
      const others = Array.from({ length: 100 }, (_, n) => alarm(i * 100 + n + 1, { agent: "gw-2", priority: "low" }));
      await nc.jetstream().publish("alarm.gw-2.low", JSON.stringify(others));
    }
    ids.push(await acceptOne(queue));
    await eventually("the next is held", () => queue.get(ids[6] as string)?.stages.heldAt);
    const known = queue.position;
    await edge.stop();
    await second.stop();
    await nats.stop();
    for (const restore of restores) restore();
    await restartNats();
    for (const id of ids) await receipt("received", [id]);
    const third = await startHub();
    await eventually("the hub has followed the receipts", async () => {
      const found = await fetch(`${third.url}/v1/alarms/${ids[5]}`);
      return expect(await found.json()).toMatchObject({ deliveries: [{ state: "received" }] });
    });

    startRelay({ natsUrl: nats.url, queue, askEveryMs: 100 });
    await eventually(
      "every stage is known at the edge",
      () =>
        expect(ids.map((id) => queue.get(id)?.stages)).toMatchObject(
          ids.map(() => ({
            heldAt: expect.any(String),
            settledAt: expect.any(String),
            deliveries: [{ center: "arc-north", state: "received" }],
          })),
        ),
      { timeoutMs: 20_000 },
    );
    expect(queue.position).toMatchObject({ ledgerN: known.ledgerN + 1 });
    expect(queue.position.ledger).not.toBe(known.ledger);
  },
);
