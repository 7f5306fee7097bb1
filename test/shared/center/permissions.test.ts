import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AcknowledgeResult, connectCenter } from "../../../shared/center/index.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startNats } from "../../helpers/nats.ts";
import { capturedLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

beforeEach(() => {
  for (const name of ["HUB", "GW_1", "ARC_NORTH", "ARC_SOUTH", "ADMIN"])
    vi.stubEnv(`NATS_${name}_PASSWORD`, `pw-${name}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test("the permissions that ship for a center are enough for all that it does", async () => {
  const nats = await startNats({ config: readFileSync("deploy/nats/accounts.conf", "utf8") });
  const hub = await startTestHub(nats.url, { user: "hub", password: "pw-HUB" });
  const { log, lines } = capturedLog();
  const results: AcknowledgeResult[] = [];
  const options = { id: CENTER, servers: nats.url, user: "arc-north", password: "pw-ARC_NORTH", log };
  const center = await connectCenter(options);
  whenTestFinished(() => center.stop());
  await center.listen(async (delivery) => {
    results.push(await delivery.acknowledge({ operator: "kim" }));
  });
  const second = await connectCenter(options);
  whenTestFinished(() => second.stop());
  await expect(second.listen(() => undefined)).rejects.toMatchObject({ code: "center_in_use" });
  await second.stop();
  await hub.publish(makeAlarms(3));
  await eventually("they are received", () => hub.answered("received").size === 3);
  expect(results).toEqual(Array.from({ length: 3 }, () => ({ kind: "acknowledged" })));
  const jsm = await hub.link.connection().jetstreamManager();
  await eventually("their frame is acked", async () => {
    const durables = await jsm.consumers.list("DELIVERIES").next();
    return durables.every(({ num_ack_pending }) => num_ack_pending === 0);
  });
  expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
});
