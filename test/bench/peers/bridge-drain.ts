import { alarmText } from "../load.ts";
import type { Peer } from "../scenario.ts";
import { Bridge, missingMosquitto } from "./bridge.ts";
import { publishMany } from "./publish-many.ts";

/** A backlog in the broker at the edge, drained by the subscriber at the hub's once that is up again. */
export function bridgeDrain(name: string, count: (quick: boolean) => number): Peer {
  return {
    name,
    title: "Mosquitto bridge, QoS 1, persistence on, which syncs nothing; one message per alarm",
    missing: missingMosquitto,
    run: async ({ quick }) => {
      const alarms = count(quick);
      const bridge = await Bridge.start();
      try {
        const publish = await bridge.publisher();
        await bridge.stopHub();
        await publishMany(alarms, (i) => publish(alarmText(i)));
        await bridge.startHub();
        const seconds = await receive(bridge, alarms);
        return [{ name: "drained", unit: "alarms/s", value: alarms / seconds }];
      } finally {
        await bridge.stop();
      }
    },
  };
}

/** Resolves with the seconds from the first message to the last at the subscriber, each counted once. */
async function receive(bridge: Bridge, count: number): Promise<number> {
  const hubUpMs = performance.now();
  const received = new Set<string>();
  let startMs: number | undefined;
  let onLast = (): void => undefined;
  const last = new Promise<void>((resolve) => {
    onLast = resolve;
  });
  await bridge.subscriber((alarm) => {
    startMs ??= performance.now();
    received.add(alarm);
    if (received.size === count) onLast();
  });
  // The bridge was faster than the subscriber: what lay at the hub already has crossed the link since the hub is up.
  if (startMs !== undefined) startMs = hubUpMs;
  await last;
  return (performance.now() - (startMs ?? hubUpMs)) / 1_000;
}
