import { alarmText } from "../load.ts";
import { oneByOne, stageFigures } from "../one-by-one.ts";
import type { Peer } from "../scenario.ts";
import { Arrivals } from "./arrivals.ts";
import { LeafNode, type Sync } from "./leaf-node.ts";

/** One message at a time into the leaf's stream, until the consumer at the hub has it. */
export function leafLatency(name: string, sync: Sync): Peer {
  return {
    name,
    title: `NATS leaf node, JetStream source, synced ${sync}; from the start of the publish`,
    run: async ({ quick }) => {
      const pair = await LeafNode.start(sync);
      try {
        const publish = await pair.publisher();
        const arrivals = new Arrivals();
        const messages = await (await pair.consumer()).consume({
          callback: (message) => {
            arrivals.add();
            message.ack();
          },
        });
        const alarms = await oneByOne(quick, (i) => arrivals.waitFor(() => publish(alarmText(i))));
        await messages.close();
        return stageFigures(alarms);
      } finally {
        await pair.stop();
      }
    },
  };
}
