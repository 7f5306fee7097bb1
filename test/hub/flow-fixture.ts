import { connect } from "nats";
import { createHub } from "../../hub/hub.ts";
import type { Alarm } from "../../shared/alarm/alarm.ts";
import type { Change, StageMessage } from "../../shared/wire/change.ts";
import { decodeDelivery } from "../../shared/wire/cloudevent.ts";
import { hubConfig } from "../helpers/hub.ts";
import { startNats, type TestNats } from "../helpers/nats.ts";
import { silentLog } from "../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";

/** A hub on a real nats-server, with the wire in the test's hands: it publishes for gateways and answers for centers. */
export async function startFlow(options: { nats?: TestNats; dataDir?: string } = {}) {
  const nats = options.nats ?? (await startNats());
  const dataDir = options.dataDir ?? tempDir("hub");
  const config = hubConfig({ natsUrl: nats.url, dataDir, centers: ["arc-north"] });
  const hub = createHub(config, { log: silentLog() });
  whenTestFinished(() => hub.stop());
  await hub.start();
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  whenTestFinished(() => nc.close());
  const changes: Change[] = [];
  nc.subscribe("stage.gw-1", {
    callback: (_, message) => changes.push(...(message.json() as StageMessage).changes),
  });
  const delivered: Alarm[] = [];
  nc.subscribe("delivery.arc-north.*", {
    callback: (_, message) => {
      const { alarms } = decodeDelivery(message.string(), message.headers?.get("Content-Type"));
      delivered.push(...alarms.map((one) => one.alarm));
    },
  });
  await nc.flush();
  const publish = (alarms: Alarm[], priority = "critical") =>
    nc.jetstream().publish(`alarm.gw-1.${priority}`, JSON.stringify(alarms));
  const receipt = (type: string, alarms: string[], more: object = {}, center = "arc-north") =>
    nc
      .jetstream()
      .publish(`receipt.${center}`, JSON.stringify({ type, alarms, at: new Date().toISOString(), ...more }));
  const kinds = () => changes.map((change) => change.kind);
  return { nats, dataDir, config, hub, nc, changes, kinds, delivered, publish, receipt };
}
