import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { startFlow } from "../flow-fixture.ts";

async function ownConditions(url: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/alarms?agent=hub`);
  const { items } = (await response.json()) as { items: { alarm: { condition: string } }[] };
  return items.map(({ alarm: { condition } }) => condition);
}

const asides = (dataDir: string): string[] => readdirSync(dataDir).filter((name) => name.includes(".damaged-"));

test("a ledger that is damaged when the hub starts is set aside and built anew from the logs", async () => {
  const first = await startFlow();
  await first.publish([alarm(1), alarm(2)]);
  await first.receipt("received", ["gw-1.e1.1"]);
  await eventually("one is received", () => expect(first.kinds()).toContain("received"));
  await first.hub.stop();
  const path = join(first.dataDir, "ledger.db");
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 8_192, 65_536);
  writeFileSync(path, bytes);
  const second = await startFlow({ nats: first.nats, dataDir: first.dataDir });
  const [aside] = asides(first.dataDir);
  expect(readFileSync(join(first.dataDir, aside ?? "")).equals(bytes)).toBe(true);
  await eventually("it is told", async () => (await ownConditions(second.hub.url)).includes("ledger-damaged"));
  const found = async (seq: number) => {
    const response = await fetch(`${second.hub.url}/v1/alarms/gw-1.e1.${seq}`);
    return (await response.json()) as { deliveries: { state: string }[] };
  };
  expect((await found(1)).deliveries[0]?.state).toBe("received");
  await eventually("the other is dispatched again", async () => {
    expect((await found(2)).deliveries[0]?.state).toBe("dispatched");
    return true;
  });
});

test("a ledger that is found damaged while it is used is replaced, and every alarm arrives", async () => {
  const { hub, nc, dataDir, delivered, publish, receipt } = await startFlow();
  whenTestFinished(() => hub.stop());
  const [frames, perFrame] = [150, 16];
  for (let frame = 0; frame < frames; frame++) {
    await publish(
      Array.from({ length: perFrame }, (_, i) => alarm(frame * perFrame + i + 1, { raw: "r".repeat(48_000) })),
    );
  }
  const path = join(dataDir, "ledger.db");
  await eventually("most of it lies in the file", () => statSync(path).size > 64e6, { timeoutMs: 20_000 });
  // Everything behind the pages that the hub has in its memory.
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(30e6, 0xa5), 0, 30e6, 12e6);
  closeSync(file);
  const answered = new Set<string>();
  const answer = async (): Promise<void> => {
    const ids = delivered.map(({ id }) => id).filter((id) => !answered.has(id));
    for (const id of ids) answered.add(id);
    for (let i = 0; i < ids.length; i += 500) await receipt("received", ids.slice(i, i + 500));
  };
  const ofGateway = () => new Set(delivered.filter(({ agent }) => agent === "gw-1").map(({ id }) => id)).size;
  await eventually(
    "all are delivered",
    async () => {
      await answer();
      return ofGateway() === frames * perFrame && nc.isClosed() === false;
    },
    { timeoutMs: 150_000 },
  );
  expect(asides(dataDir).length).toBeGreaterThan(0);
  await eventually("it is told", async () => (await ownConditions(hub.url)).includes("ledger-damaged"));
}, 200_000);
