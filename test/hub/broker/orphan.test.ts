import { join } from "node:path";
import { expect, test } from "vitest";
import { createBroker } from "../../../hub/broker/broker.ts";
import { eventually } from "../../helpers/eventually.ts";
import { isAlive, pauseProcess, startProcess } from "../../helpers/processes.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

/** A process that runs a broker, and prints the process ids of the server and of its guard. */
async function startHolder(dataDir: string): Promise<{ kill(): Promise<unknown>; serverPid: number }> {
  const holder = startProcess([join("test", "hub", "broker", "holder.mjs"), dataDir]);
  const line = await holder.waitForLine(/^\{/);
  return { kill: () => holder.kill("SIGKILL"), ...(JSON.parse(line) as { serverPid: number }) };
}

test("nats-server does not outlive a killed hub", async () => {
  const holder = await startHolder(tempDir("broker"));
  expect(isAlive(holder.serverPid)).toBe(true);
  await holder.kill();
  await eventually("nats-server has ended", () => !isAlive(holder.serverPid));
});

test("not even while it is stopped", async () => {
  const holder = await startHolder(tempDir("broker"));
  await pauseProcess(holder.serverPid);
  await holder.kill();
  await eventually("nats-server has ended", () => !isAlive(holder.serverPid));
});

test("a broker that starts at once after that waits for the store", async () => {
  const dataDir = tempDir("broker");
  for (let round = 0; round < 3; round++) {
    const holder = await startHolder(dataDir);
    await holder.kill();
  }
  const broker = createBroker({ port: 0, dataDir, log: silentLog() });
  whenTestFinished(() => broker.stop());
  await broker.start();
});
