import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { agentConfigSchema, loadAgentConfig } from "../agent/config.ts";
import { hubSchema, loadHubConfig } from "../hub/config.ts";
import { CATEGORIES, PRIORITIES, priorityOfCategory } from "../shared/alarm/priority.ts";
import { reportProperties } from "../shared/alarm/report.ts";
import type { SchemaNode } from "../shared/config/schema.ts";
import { decodeDelivery } from "../shared/wire/cloudevent.ts";
import { receiptSchema, validateReceipt } from "../shared/wire/receipt.ts";
import { allCommands, isKnownOption, readCommandLine } from "./readme/command-lines.ts";
import { type ConfigRow, rowsOfSchema } from "./readme/config-rows.ts";
import { codeSpans, parseMarkdown, rowsUnder } from "./readme/markdown.ts";

// The README is held to the code: what it names exists, and what it leaves out is noticed.

const text = readFileSync("README.md", "utf8");
const readme = parseMarkdown(text);
const blocks = (language: string): string[] =>
  readme.blocks.filter((block) => block.language === language).map((block) => block.text);

test.each([
  ["agent.yaml", agentConfigSchema],
  ["hub.yaml", hubSchema],
])("the reference of %s has every key with its type and its default, and no other", (heading, schema) => {
  const written = rowsUnder(readme, heading);
  expect(byKey(written.flatMap(configRows))).toEqual(byKey(rowsOfSchema(schema as SchemaNode)));
  for (const [key, , , meaning] of written) expect(meaning, `the meaning of ${key}`).not.toBe("");
});

function byKey(rows: readonly ConfigRow[]): ConfigRow[] {
  return [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A row of the reference; `tls.{ca, cert}` stands for two keys of one kind. */
function configRows([key = "", type = "", fallback = ""]: readonly string[]): ConfigRow[] {
  const plain = (cell: string): string => cell.replaceAll("`", "");
  const [, before = "", names] = /^([^{]*)\{([^}]*)\}$/.exec(plain(key)) ?? [];
  const keys = names === undefined ? [plain(key)] : names.split(", ").map((name) => before + name);
  return keys.map((one) => ({ key: one, type: plain(type), default: plain(fallback) }));
}

test("the configurations that it shows are valid", () => {
  const shown = blocks("yaml");
  const agents = shown.filter((yaml) => yaml.startsWith("# agent.yaml"));
  const hubs = shown.filter((yaml) => yaml.startsWith("# hub.yaml"));
  expect([agents.length, hubs.length]).toEqual([2, 2]);
  for (const yaml of agents) expect(loadAgentConfig({ text: yaml, env: {} })).toMatchObject({ agent: "gw-1" });
  const env = { ARC_WEB_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  for (const yaml of hubs) expect(loadHubConfig({ text: yaml, env }).centers).not.toEqual([]);
});

test("the commands table has every command with its options, and no other", async () => {
  const written = rowsUnder(readme, "Commands").map(([cell = ""]): [string, string[]] => {
    const [command = "", ...options] = codeSpans(cell);
    return [command, options.sort()];
  });
  const actual = [...(await allCommands())].map(([command, options]): [string, string[]] => [
    command,
    [...options].sort(),
  ]);
  // `queue export` and the like share filters that stand with `queue list`; only what is written must be right there.
  expect(written.map(([command]) => command)).toEqual(actual.map(([command]) => command));
  for (const [command, options] of written) {
    const known = actual.find(([name]) => name === command)?.[1];
    if (command.endsWith(" export")) expect(known).toEqual(expect.arrayContaining(options));
    else expect([command, options]).toEqual([command, known]);
  }
});

test("every command line that it shows could be typed", async () => {
  const commands = await allCommands();
  const lines = blocks("sh").join("\n").replaceAll("\\\n", " ").split("\n");
  const calls = lines.flatMap((line) => readCommandLine(line, commands) ?? []);
  expect(calls.length).toBeGreaterThan(10);
  for (const { command, options } of calls) {
    expect(command).toBeDefined();
    for (const option of options)
      expect(option).toSatisfy(() => isKnownOption(option, command ?? "", commands), command);
  }
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name as string);
  for (const name of named) expect(scripts).toHaveProperty(name);
});

test("its links lead somewhere, and the files and folders that it names exist", () => {
  const [anchors, files] = [
    readme.links.filter((link) => link.startsWith("#")),
    readme.links.filter((link) => !/^(#|https:)/.test(link)),
  ];
  for (const anchor of anchors) expect(readme.anchors, anchor).toContain(anchor.slice(1));
  for (const file of files) expect(existsSync(file), file).toBe(true);
  const named = codeSpans(readme.prose).filter((code) => /^(agent|hub|shared|deploy|test)\/[\w./-]*$/.test(code));
  expect(named.length).toBeGreaterThan(5);
  for (const path of named) expect(existsSync(path), path).toBe(true);
  for (const [folder = "", is = ""] of rowsUnder(readme, "Where things are")) {
    const base = /\(([^)]+)\)/.exec(folder)?.[1] ?? "";
    for (const name of codeSpans(is).filter((code) => code.endsWith("/")))
      expect(existsSync(base + name), base + name).toBe(true);
  }
});

test("its tables of reports, categories and receipts are those of the schemas", () => {
  const firstCells = (heading: string): string[] =>
    rowsUnder(readme, heading).flatMap(([cell = ""]) => codeSpans(cell));
  expect(firstCells("Reports and alarms").sort()).toEqual([...Object.keys(reportProperties)].sort());
  const categories = rowsUnder(readme, "Reports and alarms").find(([cell]) => cell === "`category`")?.[1] ?? "";
  expect(codeSpans(categories)).toEqual([...CATEGORIES]);
  const priorities = readme.tables.find(({ header }) => header.join() === "priority,categories")?.rows ?? [];
  const expected = PRIORITIES.map((priority) => [
    `\`${priority}\``,
    CATEGORIES.filter((category) => priorityOfCategory(category) === priority).join(", "),
  ]);
  expect(priorities).toEqual(expected);
  const receipt = readme.tables.find(({ rows }) => rows[0]?.[0] === "`type`")?.rows ?? [];
  expect(receipt.flatMap(([cell = ""]) => codeSpans(cell))).toEqual(Object.keys(receiptSchema.properties));
});

test("the wire formats that it shows are read by what reads them", () => {
  const receipts = blocks("json").flatMap((block) => block.split("\n").filter((line) => line.startsWith('{"type"')));
  expect(receipts.map((line) => validateReceipt(JSON.parse(line)))).toEqual(
    receipts.map(() => expect.objectContaining({ ok: true })),
  );
  expect(receipts.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
    ...receiptSchema.properties.type.enum,
  ]);
  const event = blocks("json").find((block) => block.startsWith('{"specversion"')) ?? "";
  expect(decodeDelivery(event, "application/cloudevents+json")).toMatchObject({ alarms: [{ attempt: 1 }], faults: [] });
});

test("there is no SQL and no name of the wire outside the places that it says", () => {
  const sources = ["agent", "hub", "shared", "deploy"]
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`))
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, source: readFileSync(path, "utf8") }));
  const withSql = sources
    .filter(({ source }) => /\.(prepare|exec|pragma)\(\s*["'`]/.test(source))
    .map(({ path }) => path);
  expect(
    withSql.filter((path) => !/^(agent\/queue|hub\/ledger|shared\/sqlite|shared\/center\/state)\//.test(path)),
  ).toEqual([]);
  const withNames = sources.filter(({ source }) =>
    /[`"](alarm|receipt|decision|delivery|presence|stage)\.(\$\{|\*[."`])/.test(source),
  );
  expect(withNames.map(({ path }) => path)).toEqual(["shared/wire/subjects.ts"]);
});
