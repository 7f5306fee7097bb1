import { alarmText } from "../load.ts";
import { oneByOne, stageFigures } from "../one-by-one.ts";
import type { Peer } from "../scenario.ts";
import { Arrivals } from "./arrivals.ts";
import { Bridge, missingMosquitto } from "./bridge.ts";

/** One message at a time to the broker at the edge, until the subscriber at the hub's has it. */
export function bridgeLatency(name: string): Peer {
  return {
    name,
    title: "Mosquitto bridge, QoS 1, which syncs nothing; from the start of the publish",
    missing: missingMosquitto,
    run: async ({ quick }) => {
      const bridge = await Bridge.start();
      try {
        const publish = await bridge.publisher();
        const arrivals = new Arrivals();
        await bridge.subscriber(() => arrivals.add());
        return stageFigures(await oneByOne(quick, (i) => arrivals.waitFor(() => publish(alarmText(i)))));
      } finally {
        await bridge.stop();
      }
    },
  };
}
