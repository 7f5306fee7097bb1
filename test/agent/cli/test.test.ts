import { expect, test } from "vitest";
import { createAgent } from "../../../agent/agent.ts";
import { loadAgentConfig } from "../../../agent/config.ts";
import { createHub } from "../../../hub/hub.ts";
import { connectCenter } from "../../../shared/center/index.ts";
import { hubConfig } from "../../helpers/hub.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { alarmAgent } from "./run-cli.ts";

const log = silentLog();

async function startAgent(natsUrl: string): Promise<string> {
  const yaml = {
    agent: "gw-1",
    dataDir: tempDir("agent"),
    nats: { servers: [natsUrl] },
    inputs: { http: { listen: "127.0.0.1:0" } },
  };
  const agent = createAgent(loadAgentConfig({ text: JSON.stringify(yaml), env: {} }), { log });
  whenTestFinished(() => agent.stop());
  await agent.start();
  return agent.url;
}

test("with everything in place a test alarm arrives, and each stage is shown with its milliseconds", async () => {
  const nats = await startNats();
  const hub = createHub(hubConfig({ natsUrl: nats.url, dataDir: tempDir("hub"), centers: ["arc-north"] }), { log });
  whenTestFinished(() => hub.stop());
  await hub.start();
  const center = await connectCenter({ id: "arc-north", servers: nats.url, log });
  whenTestFinished(() => center.stop());
  await center.listen(async (delivery) => {
    await delivery.acknowledge({ operator: "kim" });
  });
  const url = await startAgent(nats.url);

  const received = await alarmAgent("test", "--url", url);
  expect(received.stderr).toBe("");
  expect(received.code).toBe(0);
  for (const stage of ["accepted", "relayed", "held", "received by arc-north", "settled"]) {
    expect(received.stdout).toMatch(new RegExp(`^ *\\d+\\.\\d ms {2}${stage}$`, "m"));
  }
  const acknowledged = await alarmAgent("test", "--wait", "acknowledged", "--json", "--url", url);
  const result = JSON.parse(acknowledged.stdout) as { arrived: boolean; stages: { stage: string; ms: number }[] };
  expect(result.arrived).toBe(true);
  expect(result.stages.map(({ stage }) => stage)).toContain("acknowledged");
  const times = result.stages.map(({ ms }) => ms);
  expect(times).toEqual([...times].sort((a, b) => a - b));

  const status = await alarmAgent("status", "--url", url);
  expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/^gw-1, alarm-relay .*\n[\s\S]*ok {4}hub/) });
});

test("without a hub it says that the alarm did not arrive, and so does status", async () => {
  const nats = await startNats();
  const url = await startAgent(nats.url);
  const { code, stdout } = await alarmAgent("test", "--timeout", "500ms", "--url", url);
  expect(code).toBe(1);
  expect(stdout).toMatch(/ms {2}accepted[\s\S]*it did not arrive: not received within 0\.5 s/);
  const status = await alarmAgent("status", "--url", url);
  expect(status).toMatchObject({ code: 1, stdout: expect.stringMatching(/FAIL {2}hub: /) });
});
