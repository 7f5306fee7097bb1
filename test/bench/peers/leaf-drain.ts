import type { JsMsg } from "nats";
import { alarmText } from "../load.ts";
import { pause } from "../relay.ts";
import type { Peer } from "../scenario.ts";
import { ACK_PENDING_MAX, LeafNode, type Sync } from "./leaf-node.ts";
import { publishMany } from "./publish-many.ts";

const LOOK_MS = 2;

/** A backlog in the leaf's stream, drained by the consumer at the hub once the hub's server is up again. */
export function leafDrain(name: string, sync: Sync, count: (quick: boolean) => number): Peer {
  return {
    name,
    title: `NATS leaf node, JetStream source, synced ${sync}; one message per alarm`,
    run: async ({ quick }) => {
      const alarms = count(quick);
      const pair = await LeafNode.start(sync);
      try {
        const publish = await pair.publisher();
        await pair.stopHub();
        await publishMany(alarms, (i) => publish(alarmText(i)));
        await pair.startHub();
        const seconds = await consume(pair, alarms);
        return [{ name: "drained", unit: "alarms/s", value: alarms / seconds }];
      } finally {
        await pair.stop();
      }
    },
  };
}

/** Resolves with the seconds from the first message in the hub's stream until the server has confirmed the last ack. */
async function consume(pair: LeafNode, count: number): Promise<number> {
  const hubUpMs = performance.now();
  const consumer = await pair.consumer();
  let received = 0;
  let onLast: (message: JsMsg) => void = () => undefined;
  const last = new Promise<JsMsg>((resolve) => {
    onLast = resolve;
  });
  const callback = (message: JsMsg): void => {
    if (++received === count) onLast(message);
    else message.ack();
  };
  const messages = await consumer.consume({ callback, max_messages: ACK_PENDING_MAX });
  const startMs = await lastLookAtNothing(pair, hubUpMs);
  await (await last).ackAck();
  const seconds = (performance.now() - startMs) / 1_000;
  await messages.close();
  return seconds;
}

/** Resolves, once something has crossed the link, with when it was last known that nothing had. */
async function lastLookAtNothing(pair: LeafNode, hubUpMs: number): Promise<number> {
  let nothingMs = hubUpMs;
  for (;;) {
    const lookMs = performance.now();
    if ((await pair.crossed()) > 0) return nothingMs;
    nothingMs = lookMs;
    await pause(LOOK_MS);
  }
}
