import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { startNats } from "../../helpers/nats.ts";
import { runProcess, startProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { CENTER, makeAlarms, startTestHub } from "./test-hub.ts";

const MAIN = "dist/shared/center/main.js";
const args = (command: string, url: string, ...more: string[]) => [
  MAIN,
  command,
  "--id",
  CENTER,
  "--servers",
  url,
  ...more,
];

test("listen prints one line per alarm, for a person or as JSON, and ends cleanly on SIGINT", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  const state = tempDir("state");
  const text = startProcess(args("listen", nats.url, "--state", state));
  await hub.publish(makeAlarms(1, { text: "door \u001b[2Jopen", category: "fire", priority: "critical" }));
  const line = await text.waitForLine(/zone-0/);
  expect(line).toContain("CRITICAL");
  expect(line).toContain("gw-1 / 1001 / zone-0  door ·[2Jopen");
  await eventually("it is received", () => hub.answered("received").size === 1);
  expect(await text.kill("SIGINT")).toEqual({ code: 0, signal: null });
  const json = startProcess(args("listen", nats.url, "--state", state, "--json"));
  const [alarm] = makeAlarms(1, { firstSeq: 2 });
  await hub.publish([alarm as NonNullable<typeof alarm>]);
  expect(JSON.parse(await json.waitForLine(/zone-0/))).toEqual({ alarm, attempt: 1 });
  await eventually("it is received", () => hub.answered("received").size === 2);
  expect(hub.answered("acknowledged").size).toBe(0);
  expect(await json.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("listen --acknowledge auto acknowledges in the center's name", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  startProcess(args("listen", nats.url, "--state", tempDir("state"), "--acknowledge", "auto", "--json"));
  await hub.publish(makeAlarms(500), { frameAlarms: 50 });
  await eventually("all are acknowledged", () => hub.answered("acknowledged").size === 500);
  await eventually("all are received", () => hub.answered("received").size === 500);
  expect(hub.receipts.find(({ type }) => type === "acknowledged")?.operator).toBe("arc-north (automatic)");
});

test("a second listen under the same id ends with one sentence and code 1; --share lets it in", async () => {
  const nats = await startNats();
  await startTestHub(nats.url);
  const first = startProcess(args("listen", nats.url));
  await first.waitForLine(/listening as arc-north/);
  const second = await runProcess(args("listen", nats.url));
  expect(second.code).toBe(1);
  expect(second.stdout).toBe("");
  const sentence = second.stderr.split("\n").filter((line) => line.startsWith("alarm-center: "));
  expect(sentence).toEqual([expect.stringMatching(/^alarm-center: another process listens as center arc-north; /)]);
  const shared = startProcess(args("listen", nats.url, "--share"));
  await shared.waitForLine(/listening as arc-north/);
});

test("listen waits for a server that is not there yet, and says so", async () => {
  const port = await freePort();
  const listen = startProcess(args("listen", `nats://127.0.0.1:${port}`));
  await listen.waitForLine(/nothing listens at/);
  const nats = await startNats({ port });
  await startTestHub(nats.url);
  await listen.waitForLine(/listening as arc-north/);
});

test("SIGINT while it waits for a server ends it with code 0", async () => {
  const listen = startProcess(args("listen", "nats://127.0.0.1:1"));
  await listen.waitForLine(/nothing listens at/);
  expect(await listen.kill("SIGINT")).toEqual({ code: 0, signal: null });
});

test("watch shows what is dispatched from now on, or since a time, and receives nothing", async () => {
  const nats = await startNats();
  const hub = await startTestHub(nats.url);
  await hub.publish(makeAlarms(3));
  const since = new Date(Date.now() - 60_000).toISOString();
  const past = startProcess(args("watch", nats.url, "--since", since, "--json"));
  await eventually("it shows the window", () => past.lines.length === 3);
  const present = startProcess(args("watch", nats.url, "--json"));
  await present.waitForLine(/watching arc-north/);
  await hub.publish(makeAlarms(2, { firstSeq: 10, priority: "critical" }));
  await eventually("both show the new ones", () => past.lines.length === 5 && present.lines.length === 2);
  expect(present.lines.map((line) => (JSON.parse(line) as { alarm: { id: string } }).alarm.id)).toEqual([
    "gw-1.k3abcdef.10",
    "gw-1.k3abcdef.11",
  ]);
  await nats.restart();
  await hub.link.waitConnected(10_000);
  await eventually("it goes on after a restart of the server", async () => {
    if (present.lines.length > 2) return true;
    await hub.publish(makeAlarms(1, { firstSeq: 20 }));
    return false;
  });
  expect(hub.receipts).toEqual([]);
  expect(await present.kill("SIGINT")).toEqual({ code: 0, signal: null });
});

test.each(["listen", "watch"])("%s says once, in words, that the hub does not know the center", async (command) => {
  const nats = await startNats();
  await startTestHub(nats.url, { createsDurables: false });
  const center = startProcess(args(command, nats.url));
  await center.waitForLine(/no lane of arc-north exists; the hub's configuration may not name this center/);
  expect(center.errorLines.filter((line) => /lane|durable/.test(line))).toHaveLength(1);
  expect(await center.kill("SIGINT")).toEqual({ code: 0, signal: null });
});

test.each([
  [["listen", "--id", CENTER], 2, /required option '--servers/],
  [
    ["listen", "--id", CENTER, "--servers", "nats://127.0.0.1:1", "--acknowledge", "all"],
    2,
    /--acknowledge must be auto/,
  ],
  [["listen", "--id", "a.b", "--servers", "nats://127.0.0.1:1"], 2, /^alarm-center: --id must be/],
  [
    ["listen", "--id", CENTER, "--servers", "nats://127.0.0.1:1", "--credentials", "/none"],
    1,
    /credentialsFile cannot/,
  ],
  [["watch", "--id", CENTER, "--servers", "nats://127.0.0.1:1", "--since", "noon"], 2, /--since must be a time/],
  [["receive"], 2, /unknown command/],
])("%j ends with code %d and a sentence", async (given, code, sentence) => {
  const run = await runProcess([MAIN, ...given]);
  expect(run.code).toBe(code);
  expect(run.stderr).toMatch(sentence);
  expect(run.stderr.split("\n")).toHaveLength(1);
  expect(run.stdout).toBe("");
});

test("a user and password are taken from options or the URL", async () => {
  const nats = await startNats({ config: 'authorization { user: "arc", password: "p@ss" }' });
  const withUrl = startProcess(args("listen", nats.url.replace("//", "//arc:p%40ss@")));
  await withUrl.waitForLine(/listening as arc-north/);
  await withUrl.kill("SIGINT");
  const passwordFile = join(tempDir("secret"), "password");
  writeFileSync(passwordFile, "p@ss\n");
  const withFile = startProcess(args("listen", nats.url, "--user", "arc", "--password-file", passwordFile));
  await withFile.waitForLine(/listening as arc-north/);
  await withFile.kill("SIGINT");
  const wrong = startProcess(args("listen", nats.url, "--user", "arc"));
  await wrong.waitForLine(/refused the credentials/);
});
