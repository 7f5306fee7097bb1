import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { expect, test } from "vitest";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { alarm } from "../../helpers/alarm.ts";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startNats, type TestNats } from "../../helpers/nats.ts";
import { runProcess, startProcess, type TestProcess } from "../../helpers/processes.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

const MAIN = "dist/hub/main.js";

interface RunningHub {
  hub: TestProcess;
  nats: TestNats;
  file: string;
  url: string;
  write(centers: string, more?: string): void;
  /** Runs a command against it. */
  command(...args: string[]): ReturnType<typeof runProcess>;
  /** Publishes alarms as an agent does. */
  publish(...alarms: Alarm[]): Promise<void>;
  /** Publishes a receipt of a center. */
  receipt(center: string, type: string, ids: string[], more?: object): Promise<void>;
}

async function startHub(): Promise<RunningHub> {
  const nats = await startNats();
  const dir = tempDir("hub-cli");
  const file = join(dir, "hub.yaml");
  const port = await freePort();
  const write = (centers: string, more = ""): void =>
    writeFileSync(
      file,
      `
nats: { servers: ["${nats.url}"] }
dataDir: ./hub
http: { listen: "127.0.0.1:${port}" }
centers: ${centers}
defaultRoute: { deliver: { to: [arc-north, arc-south] } }
log: { format: json }
${more}`,
    );
  write("[{ id: arc-north }, { id: arc-south }]");
  const hub = startProcess([MAIN, "run", "-c", file]);
  const url = `http://127.0.0.1:${port}`;
  await eventually("ready", async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 20_000 });
  const nc: NatsConnection = await connect({ servers: nats.url });
  whenTestFinished(() => nc.close());
  const js = nc.jetstream();
  return {
    hub,
    nats,
    file,
    url,
    write,
    command: (...args) => runProcess([MAIN, ...args, "--url", url]),
    publish: async (...alarms) => {
      await js.publish(`alarm.gw-1.${alarms[0]?.priority}`, JSON.stringify(alarms));
    },
    receipt: async (center, type, alarms, more = {}) => {
      await js.publish(`receipt.${center}`, JSON.stringify({ type, alarms, at: new Date().toISOString(), ...more }));
    },
  };
}

test("an alarm is listed, shown, watched, acknowledged, refused and redriven", async () => {
  const { url, command, publish, receipt, hub } = await startHub();
  const watching = startProcess([MAIN, "watch", "--url", url, "--since", "1h"]);
  await publish(alarm(1, { text: "smoke \u001b[2J" }));
  await watching.waitForLine(/held +critical +gw-1\.e1\.1 +fire raised 1001 \/ zone-1 +for arc-north, arc-south/);

  const listed = await command("alarms", "list", "--account", "1001", "--open");
  expect(listed.code).toBe(0);
  expect(listed.stdout).toContain("gw-1.e1.1");
  expect(listed.stdout).toMatch(/arc-north (pending|dispatched), arc-south (pending|dispatched)/);
  expect((await command("alarms", "list", "--account", "1002", "--json")).stdout).toBe('{"items":[]}');

  const tooEarly = await command("alarms", "ack", "gw-1.e1.1", "--center", "arc-north", "--operator", "kim");
  expect(tooEarly).toMatchObject({ code: 1, stderr: expect.stringContaining("arc-north has not received") });
  await receipt("arc-north", "received", ["gw-1.e1.1"]);
  await watching.waitForLine(/received .*arc-north/);
  const unnamed = await command("alarms", "ack", "gw-1.e1.1", "--operator", "kim");
  expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining("--center") });
  const ack = ["alarms", "ack", "gw-1.e1.1", "--center", "arc-north", "--note", "guard sent", "--operator"];
  expect((await command(...ack, "kim")).stdout).toContain("is acknowledged by kim for arc-north");
  expect((await command(...ack, "kim")).stdout).toContain("is already acknowledged by kim");
  const late = await command(...ack, "lee");
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining("was acknowledged by kim") });
  await watching.waitForLine(/acknowledged .*arc-north {2}by kim {2}guard sent/);

  await receipt("arc-south", "rejected", ["gw-1.e1.1"], { reason: "not ours" });
  await watching.waitForLine(/rejected .*arc-south {2}not ours/);
  expect((await command("dead", "list")).stdout).toMatch(/gw-1\.e1\.1 +arc-south +rejected .*not ours/);
  const shown = await command("alarms", "show", "gw-1.e1.1");
  expect(shown.stdout).toContain("smoke ·[2J");
  for (const word of ["accepted", "held", "received", "guard sent", "not ours"]) expect(shown.stdout).toContain(word);
  expect((await command("dead", "redrive", "--all")).stdout).toBe("1 will be dispatched again");
  await watching.waitForLine(/redriven .*arc-south/);

  const status = await command("status");
  expect(status.code).toBe(0);
  // Its own alarm and one of the hub's, which tells of the refusal.
  expect(status.stdout).toMatch(/arc-south +nats +no +2/);
  expect(await watching.kill("SIGINT")).toEqual({ code: 0, signal: null });
  expect(await hub.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("SIGHUP takes over centers and routes; a file with mistakes changes nothing and says so", async () => {
  const { hub, url, write, command } = await startHub();
  const centers = async (): Promise<string[]> => {
    const { items } = (await (await fetch(`${url}/v1/centers`)).json()) as { items: { center: string }[] };
    return items.map(({ center }) => center);
  };
  write("[{ id: arc-north }]");
  process.kill(hub.pid, "SIGHUP");
  const line = await hub.waitForLine(/the configuration stays as it was/);
  expect(line).toContain("defaultRoute.deliver.to[1] arc-south is not declared");
  expect(await centers()).toEqual(["arc-north", "arc-south"]);
  write("[{ id: arc-north }, { id: arc-south }, { id: arc-east }]");
  process.kill(hub.pid, "SIGHUP");
  await hub.waitForLine(/reloaded the configuration: centers 3/);
  expect(await centers()).toEqual(["arc-north", "arc-south", "arc-east"]);
  expect((await command("status")).stdout).toContain("arc-east");
});

test("watch goes on behind the last event when the hub comes back", async () => {
  const { hub, url, file, publish } = await startHub();
  const watching = startProcess([MAIN, "watch", "--url", url, "--since", "1h", "--json"]);
  await publish(alarm(1));
  await watching.waitForLine(/"held".*gw-1\.e1\.1/);
  await hub.kill("SIGTERM");
  await publish(alarm(2));
  startProcess([MAIN, "run", "-c", file]);
  await watching.waitForLine(/"held".*gw-1\.e1\.2/, 30_000);
  expect(watching.lines.filter((line) => line.includes('"held"'))).toHaveLength(2);
});

test("two hubs on one data directory: one sentence, code 1", async () => {
  const { file } = await startHub();
  const second = await runProcess([MAIN, "run", "-c", file]);
  expect(second.code).toBe(1);
  const said = second.stderr.split("\n").filter((line) => line.startsWith("alarm-hub: "));
  expect(said).toEqual([expect.stringContaining("is in use by another hub; stop it or choose another dataDir")]);
});
