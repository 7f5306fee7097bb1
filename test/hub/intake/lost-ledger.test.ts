import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeDelivery } from "../../../shared/wire/cloudevent.ts";
import { alarm } from "../../helpers/alarm.ts";
import { copyOf } from "../../helpers/copy-of.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startFlow } from "../flow-fixture.ts";
import { removeLedger } from "../loss/flow-of-alarms.ts";

type Flow = Awaited<ReturnType<typeof startFlow>>;

/** Which seqs come from now on, and whether each is marked as one that comes again. */
function hear({ nc }: Flow): Map<number, boolean> {
  const heard = new Map<number, boolean>();
  nc.subscribe("delivery.arc-north.*", {
    callback: (_, message) => {
      for (const one of decodeDelivery(message.string(), message.headers?.get("Content-Type")).alarms) {
        heard.set(Number(one.alarm.id.split(".")[2]), one.relayedAgain);
      }
    },
  });
  return heard;
}

const again = (first: Flow): Promise<Flow> => startFlow({ nats: first.nats, dataDir: first.dataDir });
const ledgerOf = ({ dataDir }: Flow): string => join(dataDir, "ledger.db");

test("what a lost ledger may have dispatched is marked when the new one dispatches it, and nothing else", async () => {
  const first = await startFlow();
  await first.publish([alarm(1), alarm(2)]);
  await eventually("both are dispatched", () => first.delivered.length === 2);
  await first.hub.stop();
  removeLedger(ledgerOf(first));
  const heard = hear(first);
  const second = await again(first);
  await second.publish([alarm(3)]);
  await eventually("all three come", () => heard.size === 3);
  expect([...heard]).toEqual([
    [1, true],
    [2, true],
    [3, false],
  ]);
});

test("an older copy of the ledger marks what it held and what it follows up to its start", async () => {
  const first = await startFlow();
  await first.publish([alarm(1)]);
  await eventually("it is dispatched", () => first.delivered.length === 1);
  await first.hub.stop();
  const putBack = copyOf(ledgerOf(first));
  const second = await again(first);
  await second.publish([alarm(2)]);
  await eventually("the next one, too", () => second.delivered.length === 1);
  await second.hub.stop();
  putBack();
  const heard = hear(first);
  const third = await again(first);
  await third.publish([alarm(3)]);
  await eventually("the last one comes", () => heard.has(3));
  expect(heard.get(2)).toBe(true);
  expect(heard.get(3)).toBe(false);
});

test("a hub that starts again on its own ledger marks nothing, nor does the first one on a full log", async () => {
  const first = await startFlow();
  await first.publish([alarm(1)]);
  await eventually("it is dispatched", () => first.delivered.length === 1);
  await first.hub.stop();
  const heard = hear(first);
  await first.publish([alarm(2)]);
  const second = await again(first);
  await eventually("it comes", () => heard.has(2));
  await second.publish([alarm(3)]);
  await eventually("the next one comes", () => heard.has(3));
  expect([...heard.values()]).toEqual([false, false]);
});
