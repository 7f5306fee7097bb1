import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../../helpers/free-port.ts";
import { startProcess } from "../../helpers/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { startIntake } from "../inputs/intake.ts";
import { alarmAgent } from "./run-cli.ts";

const COMMANDS = [
  ["run"],
  ["status"],
  ["check"],
  ["test"],
  ["raise"],
  ["queue"],
  ["queue", "list"],
  ["queue", "show"],
  ["queue", "export"],
  ["queue", "retry"],
  ["quarantine"],
  ["quarantine", "list"],
  ["quarantine", "retry"],
  ["quarantine", "discard"],
  ["config"],
  ["config", "check"],
  ["config", "example"],
  ["config", "schema"],
  [],
];

test("every command has a help with an example", async () => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await alarmAgent(...command, "--help");
    expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
    expect(stdout).toMatch(/\nExample:\n {2}\$ alarm-agent /);
  }
});

test.each([
  [["bogus"], /unknown command 'bogus'/],
  [["status", "--jsn"], /unknown option '--jsn'.*--json/],
  [["raise", "--point", "a"], /'--category <category>' not specified/],
  [["raise", "--point", "a", "--category", "flood"], /It is one of fire, gas/],
  [["test", "--timeout", "60"], /carries a unit/],
  [["queue", "show"], /missing required argument 'id'/],
  [["queue", "retry"], /name the ones that are meant, or give --all/],
  [["status", "extra"], /too many arguments/],
  [["status", "--url", "localhost"], /--url must be a URL/],
])("%j is wrong use: exit code 2 and one line", async (args, message) => {
  const { code, stdout, stderr } = await alarmAgent(...args);
  expect(stderr).toMatch(message);
  expect(stderr.split("\n")).toHaveLength(1);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

test("a group without a command shows its help and is wrong use", async () => {
  const { code, stderr } = await alarmAgent("queue");
  expect(code).toBe(2);
  expect(stderr).toMatch(/Usage: alarm-agent queue/);
});

test("where no agent answers, one sentence says so", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stderr } = await alarmAgent("status", "--url", url);
  expect(code).toBe(1);
  expect(stderr).toBe(`alarm-agent: no alarm-agent listens at ${url}; start \`alarm-agent run\` or name it with --url`);
});

test("a configuration with five mistakes names all five", async () => {
  const file = join(tempDir("config"), "agent.yaml");
  writeFileSync(file, "agent: gw.1\ndataDir: 5\nnats: { servers: [] }\nheartbeat: fast\ncolour: red\n");
  const { code, stderr } = await alarmAgent("config", "check", "-c", file);
  expect(code).toBe(1);
  const [first, ...rest] = stderr.split("\n");
  expect(first).toBe(`alarm-agent: ${file} has 5 mistakes:`);
  expect(rest.map((line) => line.trim().split(" ")[0]).sort()).toEqual([
    "agent",
    "colour",
    "dataDir",
    "heartbeat",
    "nats.servers",
  ]);
  expect((await alarmAgent("run", "-c", file)).stderr).toBe(stderr);
});

test("the example is a valid configuration", async () => {
  const file = join(tempDir("config"), "agent.yaml");
  writeFileSync(file, (await alarmAgent("config", "example")).stdout);
  expect(await alarmAgent("config", "check", "-c", file)).toMatchObject({
    code: 0,
    stdout: `${file} is valid: the configuration of gw-1`,
  });
  const schema = JSON.parse((await alarmAgent("config", "schema")).stdout);
  expect(schema).toMatchObject({ title: "agent.yaml", required: ["agent", "dataDir", "nats"] });
});

test("reports are raised, listed, shown and exported; the quarantine is listed", async () => {
  const intake = await startIntake();
  const url = ["--url", intake.url];
  const raise = ["raise", "--point", "hall", "--category", "fire", "--account", "1001", "--report-id", "r1", ...url];
  const raised = await alarmAgent(...raise);
  expect(raised).toMatchObject({ code: 0, stdout: expect.stringMatching(/^gw-1\.\w+\.1$/) });
  const id = raised.stdout;
  const again = await alarmAgent(...raise, "--json");
  expect(JSON.parse(again.stdout)).toEqual({ id, duplicate: true });
  const table = (await alarmAgent("queue", "list", ...url)).stdout.split("\n");
  expect(table).toHaveLength(2);
  expect(table[1]?.split(/\s+/)).toEqual([
    id,
    expect.any(String),
    "critical",
    "fire",
    "raised",
    "1001",
    "hall",
    "accepted",
  ]);
  const page = JSON.parse((await alarmAgent("queue", "list", "--json", "--stage", "relayed", ...url)).stdout);
  expect(page).toEqual({ items: [] });
  expect((await alarmAgent("queue", "show", id, ...url)).stdout).toMatch(/point\s+hall[\s\S]*accepted\s+2/);
  expect(await alarmAgent("queue", "show", "gw-1.x.9", ...url)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no alarm gw-1\.x\.9/),
  });
  expect(JSON.parse((await alarmAgent("queue", "export", ...url)).stdout)).toMatchObject({ id, point: "hall" });
  expect((await alarmAgent("queue", "list", "--cursor", "x", ...url)).stderr).toMatch(
    /cursor must be the nextCursor of the page before/,
  );
  await intake.queue.quarantine({
    input: "mqtt",
    source: "a/b",
    reason: "no JSON\u001b[31m",
    payload: Buffer.from("{"),
  });
  const quarantined = await alarmAgent("quarantine", "list", ...url);
  expect(quarantined.stdout).toMatch(/mqtt\s+a\/b\s+1\s+no JSON·\[31m/);
  const retried = await alarmAgent("quarantine", "retry", "--all", ...url);
  expect(retried).toMatchObject({ code: 1, stdout: expect.stringMatching(/the input mqtt is not configured/) });
  const discarded = await alarmAgent("quarantine", "discard", "1", "7", ...url);
  expect(discarded).toMatchObject({ code: 1, stdout: "1: discarded\n7: there is no 7 in the quarantine" });
  expect(intake.queue.summary().quarantined).toBe(0);
});

test("a second agent on the same data directory, and a used port, are one sentence each", async () => {
  const dir = tempDir("agents");
  const port = await freePort();
  const config = (name: string, dataDir: string, httpPort: number): string => {
    const file = join(dir, `${name}.yaml`);
    const nats = { servers: ["nats://127.0.0.1:1"] };
    const inputs = { http: { listen: `127.0.0.1:${httpPort}` } };
    writeFileSync(file, JSON.stringify({ agent: "gw-1", dataDir, nats, inputs, log: { format: "text" } }));
    return file;
  };
  const first = startProcess(["dist/agent/main.js", "run", "-c", config("first", "./data", port)]);
  await first.waitForLine(/takes reports at/);
  const sameDir = await alarmAgent("run", "-c", config("same-dir", "./data", await freePort()));
  expect(sameDir.code).toBe(1);
  expect(sameDir.stderr).toMatch(
    /^alarm-agent: the data directory .*data is in use by another agent; stop it or choose another dataDir$/m,
  );
  const samePort = await alarmAgent("run", "-c", config("same-port", "./other", port));
  expect(samePort.code).toBe(1);
  expect(samePort.stderr).toMatch(new RegExp(`^alarm-agent: 127.0.0.1:${port} is in use; `, "m"));
  expect(await first.kill("SIGINT")).toEqual({ code: 0, signal: null });
});
