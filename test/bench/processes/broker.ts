import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Aedes } from "aedes";
import { serveControl } from "../control.ts";
import { report } from "../load.ts";

/** Messages that the subscriber has not acknowledged; a broker has such a bound, or its memory has none. */
const UNACKNOWLEDGED_MAX = 1_000;
const LOOK_MS = 1;

// An MQTT broker with devices inside it, which publish as fast as the agent acknowledges: a client for them would take
// of the two cores what is to be measured.
const aedes = await Aedes.createBroker();
const server = createServer((socket) => aedes.handle(socket)).listen(Number(process.argv[2]), "127.0.0.1");
await once(server, "listening");
const subscribed = once(aedes, "subscribe");
let acknowledged = 0;
aedes.on("ack", () => {
  acknowledged += 1;
});

/** Publishes `count` reports at QoS 1 once somebody has subscribed; resolves with the seconds until the last PUBACK. */
async function publish(count: number): Promise<number> {
  await subscribed;
  acknowledged = 0;
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    while (i - acknowledged >= UNACKNOWLEDGED_MAX) await sleep(LOOK_MS);
    const message = { topic: `alarms/1001/zone-${i % 64}`, payload: JSON.stringify(report(i, "other")) };
    await new Promise<void>((resolve, reject) => {
      aedes.publish({ cmd: "publish", qos: 1, dup: false, retain: false, ...message }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
  while (acknowledged < count) await sleep(LOOK_MS);
  return (performance.now() - startMs) / 1_000;
}

await serveControl({ publish });
