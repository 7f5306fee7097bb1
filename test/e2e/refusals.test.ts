import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ErrorBody } from "../../shared/http/errors.ts";
import { freePort } from "../helpers/free-port.ts";
import { startNats } from "../helpers/nats.ts";
import { runProcess } from "../helpers/processes.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { acceptOne, allSettled, makeReports, post } from "./alarms.ts";
import { listenAs } from "./collector.ts";
import { AGENT_MAIN, CENTER_MAIN, HUB_MAIN, startAgent, startHub, startListen } from "./programs.ts";

const REPORT = { point: "door", category: "intrusion" };
const attributes = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`a${i}`, "x".repeat(4_096)]));

/** What the agent must refuse, with the status and the path that its answer names. */
const BAD: [name: string, body: unknown, status: number, path?: string][] = [
  ["broken JSON", '{"point": "a", "category": }', 400],
  ["a body of 2 MB", `{"point":"${"x".repeat(2_000_000)}"}`, 413],
  ["an unknown field", { ...REPORT, colour: "red" }, 400, "/colour"],
  ["a wrong type", { ...REPORT, test: "yes" }, 400, "/test"],
  ["a category that does not exist", { ...REPORT, category: "flood" }, 400, "/category"],
  ["a date that is none", { ...REPORT, occurredAt: "2026-02-30T12:00:00Z" }, 400, "/occurredAt"],
  ["NUL in a text", { ...REPORT, text: "a\u0000b" }, 400, "/text"],
  ["a lone surrogate", { ...REPORT, text: "a\ud800" }, 400, "/text"],
  ["1,001 reports", makeReports(1_001), 413],
  ["an alarm of 70 KiB", { ...REPORT, attributes }, 413, "/attributes"],
];

test("bad input is refused by name; what is good around it arrives, and nothing else", async () => {
  const nats = await startNats();
  const hub = await startHub({ natsUrl: nats.url, centers: ["arc-north"] });
  const agent = await startAgent("gw-1", nats.url);
  const { collector } = await listenAs("arc-north", nats.url);
  const ids: string[] = [];
  for (const [name, body, status, path] of BAD) {
    const response = await post(agent, body);
    expect(response.status, name).toBe(status);
    const { error } = (await response.json()) as ErrorBody;
    expect(error.message, name).not.toBe("");
    if (path !== undefined)
      expect(
        error.details.map((detail) => detail.path),
        name,
      ).toContain(path);
    ids.push(await acceptOne(agent, { ...REPORT, text: `after ${name}` } as Parameters<typeof acceptOne>[1]));
  }
  const reports = [REPORT, { ...REPORT, category: "flood" }, REPORT, { point: 7.5, category: "fire" }, REPORT];
  const mixed = await post(agent, reports);
  expect(mixed.status).toBe(207);
  const { results } = (await mixed.json()) as { results: { status: number; id?: string }[] };
  expect(results.map(({ status }) => status)).toEqual([201, 400, 201, 400, 201]);
  ids.push(...results.flatMap(({ id }) => id ?? []));

  await allSettled(agent);
  collector.expectOnceInOrder(ids);
  for (const program of [hub, agent]) expect(await program.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("an agent's name with a dot is refused in a sentence that names its place", async () => {
  const file = configFile({ agent: "gw.1", dataDir: "./data", nats: { servers: ["nats://127.0.0.1:4222"] } });
  const { code, stderr } = await runProcess([AGENT_MAIN, "run", "-c", file]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^\s*agent must /m);
});

test("whoever finds its place taken says so in one sentence and ends with code 1", async () => {
  const nats = await startNats();
  const hub = await startHub({ natsUrl: nats.url, centers: ["arc-north"] });
  const agent = await startAgent("gw-1", nats.url);
  await startListen("arc-north", nats.url, tempDir("first")).waitForLine(/listening as arc-north/);
  const config = JSON.parse(readFileSync(agent.configFile, "utf8")) as object;
  const onPort = (port: string | number) => ({ http: { listen: `127.0.0.1:${port}` } });

  const sameData = configFile({ ...config, dataDir: join(agent.dir, "data"), inputs: onPort(await freePort()) });
  await expectOneSentence([AGENT_MAIN, "run", "-c", sameData], /is in use by another agent; stop it or choose another/);
  const samePort = configFile({ ...config, inputs: onPort(new URL(hub.url).port) });
  await expectOneSentence([AGENT_MAIN, "run", "-c", samePort], /127\.0\.0\.1:\d+ is in use; /);
  const listen = [CENTER_MAIN, "listen", "--id", "arc-north", "--servers", nats.url];
  await expectOneSentence(listen, /another process listens as center arc-north; /);
});

test("a hub that finds no nats-server says how to install one", async () => {
  const nowhere = tempDir("nowhere");
  const file = configFile({
    nats: { embedded: { port: 0, dataDir: "./nats" } },
    dataDir: "./data",
    http: { listen: "127.0.0.1:0" },
    centers: [{ id: "arc-north" }],
    defaultRoute: { deliver: { to: ["arc-north"] } },
  });
  const env = { NATS_SERVER: "", PATH: nowhere, XDG_CACHE_HOME: nowhere };
  await expectOneSentence([HUB_MAIN, "run", "-c", file], /no nats-server was found; install nats-server/, env);
});

/** Runs a program that has to end by itself with code 1 and one sentence; lines of its log do not count. */
async function expectOneSentence(args: string[], pattern: RegExp, env: Record<string, string> = {}): Promise<void> {
  const { code, stdout, stderr } = await runProcess(args, { env });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  const said = stderr.split("\n").filter((line) => !line.startsWith("{"));
  expect(said).toEqual([expect.stringMatching(pattern)]);
}

function configFile(config: object): string {
  const file = join(tempDir("config"), "config.yaml");
  writeFileSync(file, JSON.stringify(config));
  return file;
}
