import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../../helpers/free-port.ts";
import { runProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const MAIN = "dist/hub/main.js";
const alarmHub = (...args: string[]) => runProcess([MAIN, ...args]);

function configFile(text: string): string {
  const file = join(tempDir("hub-cli"), "hub.yaml");
  writeFileSync(file, text);
  return file;
}

const CONFIG = `
nats: { embedded: { port: 0, dataDir: ./nats } }
dataDir: ./hub
centers: [{ id: arc-north }, { id: arc-south }]
defaultRoute: { deliver: { to: [arc-north] } }
routes:
  - { name: fire, match: { category: [fire, gas], account: "10*" }, deliver: { to: [arc-north, arc-south], require: any } }
  - { name: openings, match: { category: open-close }, deliver: none }
`;

test("config example prints a file that config check takes", async () => {
  const { stdout } = await alarmHub("config", "example");
  const checked = await alarmHub("config", "check", "-c", configFile(stdout));
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  expect(checked.stdout).toContain("is valid");
});

test("config check tells five mistakes at once", async () => {
  const file = configFile(`
nats: { embedded: { port: 99999, dataDir: ./nats } }
dataDir: ./hub
keepClosed: 400
centres: []
centers: [{ id: arc-north }]
defaultRoute: { deliver: { to: [arc-nord] } }
routes: [{ name: all, deliver: none }, { name: fire, match: { category: fire }, deliver: none }]
`);
  const { code, stdout, stderr } = await alarmHub("config", "check", "-c", file);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  const [first, ...mistakes] = stderr.split("\n");
  expect(first).toContain("5 mistakes");
  const paths = mistakes.map((line) => line.trim().split(" ")[0]);
  expect(paths.sort()).toEqual([
    "centres",
    "defaultRoute.deliver.to[0]",
    "keepClosed",
    "nats.embedded.port",
    "routes[1]",
  ]);
});

test("config schema is JSON Schema", async () => {
  const { stdout } = await alarmHub("config", "schema");
  expect(JSON.parse(stdout)).toMatchObject({ title: "hub.yaml", required: expect.arrayContaining(["defaultRoute"]) });
});

test.each([
  [["--category", "fire", "--account", "1001"], "route fire: arc-north, arc-south, of which 1 must receive it", 0],
  [["--category", "fire", "--account", "2001"], "route default: arc-north", 0],
  [["--category", "open-close"], "route openings: recorded only", 0],
  [["--category", "fire", "--account", "1001", "--expect", "arc-south,arc-north"], "route fire", 0],
  [["--category", "fire", "--account", "1001", "--expect", "arc-north"], "expected: arc-north", 1],
  [["--category", "open-close", "--expect", "none"], "route openings", 0],
  [["--category", "fire", "--expect", "none"], "expected: no center", 1],
])("routes test %j", async (args, said, code) => {
  const result = await alarmHub("routes", "test", "-c", configFile(CONFIG), ...args);
  expect(result.code).toBe(code);
  expect(result.stdout).toContain(said);
});

test.each([
  [["alarms"], ""],
  [["alarms", "list", "--state", "shelved"], "unacknowledged, acknowledged, closed"],
  [["alarms", "list", "--since", "noon"], "how long ago"],
  [["alarms", "ack", "gw-1.e1.1"], "--operator"],
  [["dead", "redrive"], "--all"],
  [["dead", "redrive", "gw-1.e1.1"], "--all"],
  [["status", "--url", "nowhere"], "--url"],
  [["routes", "test", "--category", "fier"], "fire"],
  [["fly"], "fly"],
])("wrong use ends with code 2 and a sentence: %j", async (args, said) => {
  const { code, stderr } = await alarmHub(...args);
  expect(code).toBe(2);
  expect(stderr).toContain(said);
});

test("where no hub answers, one sentence says so", async () => {
  const { code, stdout, stderr } = await alarmHub("status", "--url", `http://127.0.0.1:${await freePort()}`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.split("\n")).toHaveLength(1);
  expect(stderr).toContain("no alarm-hub listens");
});
