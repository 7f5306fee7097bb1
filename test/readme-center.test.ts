import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { accept, allSettled, makeMixedReports } from "./e2e/alarms.ts";
import { type Program, startAgent, startHub } from "./e2e/programs.ts";
import { eventually } from "./helpers/eventually.ts";
import { startNats } from "./helpers/nats.ts";
import { startProcess } from "./helpers/processes.ts";
import { tempDir } from "./helpers/temp-dir.ts";
import { codeSpans, parseMarkdown, rowsUnder } from "./readme/markdown.ts";

const readme = parseMarkdown(readFileSync("README.md", "utf8"));

/** The README's center without our library, as a file that finds the packages which it imports. */
function writeCenter(): string {
  const program = readme.blocks.find(({ text }) => text.includes("inboxPrefix") && text.includes('from "nats"'));
  const dir = tempDir("readme-center");
  symlinkSync(resolve("node_modules"), join(dir, "node_modules"));
  writeFileSync(join(dir, "center.mjs"), program?.text ?? "");
  return dir;
}

test.each(["batch", "single"])(
  "the README's center over plain NATS takes every alarm once, also over its own death, framing %s",
  async (framing) => {
    const nats = await startNats();
    await startHub({ natsUrl: nats.url, centers: [{ id: "arc-backup", framing }] });
    const agent = await startAgent("gw-1", nats.url);
    const dir = writeCenter();
    const start = () => startProcess([join(dir, "center.mjs"), "arc-backup", nats.url, join(dir, "arc-backup.db")]);
    const first = start();
    const accepted = accept(agent, makeMixedReports(2_000));
    await eventually("the first ones are received", () => first.lines.length > 100);
    await first.kill();
    const second = start();
    const ids = await accepted;
    await allSettled(agent);
    // A line of the first one may have been lost with it, after the alarm was stored; none may come twice.
    const printed = [...first.lines, ...second.lines].map((line) => line.split(" ")[3]);
    expect(new Set(printed).size).toBe(printed.length);
    expect(ids.filter((id) => !printed.includes(id)).length).toBeLessThanOrEqual(4);
  },
  60_000,
);

test("the README's tables of metrics and calls are those of a running agent and hub", async () => {
  const nats = await startNats();
  const hub = await startHub({ natsUrl: nats.url, centers: ["arc-north"] });
  const agent = await startAgent("gw-1", nats.url);
  const metrics = [...(await metricsOf(agent)), ...(await metricsOf(hub))];
  const documented = rowsUnder(readme, "Metrics").map(([name = ""]) => codeSpans(name)[0]);
  expect(documented.sort()).toEqual(metrics.sort());
  const { paths } = await hub.get<{ paths: Record<string, object> }>("/openapi.json");
  const actual = Object.entries(paths).flatMap(([path, calls]) => Object.keys(calls).map((one) => `${one} ${path}`));
  expect(callsUnder("Hub, 127.0.0.1:8080").sort()).toEqual([...actual, "get /openapi.json"].sort());
  for (const call of callsUnder("Agent, 127.0.0.1:8081")) expect(await isServed(agent, call), call).toBe(true);
});

async function metricsOf(program: Program): Promise<string[]> {
  const text = await (await fetch(`${program.url}/metrics`)).text();
  return [...text.matchAll(/^# TYPE (alarm_\w+)/gm)].map(([, name]) => name as string);
}

/** The calls of an interface, such as `get /v1/alarms/{id}`. */
function callsUnder(heading: string): string[] {
  const calls = rowsUnder(readme, heading).map(([cell = ""]) => /^`([A-Z]+) ([^\s`?]+)/.exec(cell) ?? []);
  return [...new Set(calls.map(([, method = "", path = ""]) => `${method.toLowerCase()} ${path}`))];
}

/** False only where the agent says that there is nothing at that path, or not with that method. */
async function isServed(agent: Program, call: string): Promise<boolean> {
  const [method = "", path = ""] = call.split(" ");
  const response = await fetch(`${agent.url}${path.replaceAll(/\{\w+\}/g, "1")}`, { method });
  const text = await response.text();
  return response.status !== 405 && !text.includes("there is nothing at");
}
