import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KINDS, SHORT_KINDS } from "./kinds/index.ts";
import { MUTATIONS } from "./mutations.ts";
import { printOutcome } from "./report.ts";
import { type Progress, run } from "./run.ts";

/** The short form is the same each time, and takes about so long. */
const SHORT_SEED = 1;
const SHORT_MINUTES = 1.5;

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    only: { type: "string", multiple: true },
    break: { type: "string" },
    short: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  help();
  process.exit(0);
}
const mutation = MUTATIONS.find(({ name }) => name === options.break);
if (options.break !== undefined && mutation === undefined) wrongUse(`there is no mutation ${options.break}`);
const isShort = options.short;
if (isShort && (options.only ?? options.minutes ?? options.break) !== undefined) {
  wrongUse("--short has its own kinds and ends when they are done: it takes no --only, --minutes or --break");
}
const only = options.only?.flatMap((names) => names.split(",")) ?? mutation?.kinds;
const all = isShort ? SHORT_KINDS : KINDS;
const kinds =
  only === undefined ? all : only.map((name) => KINDS.find((kind) => kind.name === name) ?? wrongKind(name));
const minutes = Number(options.minutes ?? mutation?.minutes ?? (isShort ? SHORT_MINUTES : 2));
const seed = Number(options.seed ?? (isShort ? SHORT_SEED : Math.floor(Math.random() * 1e9)));
if (!(minutes > 0)) wrongUse("--minutes takes a number above 0");
if (!Number.isInteger(seed) || seed < 0) wrongUse("--seed takes a whole number");

const dir = mkdtempSync(join(tmpdir(), "alarm-relay-faults-"));
const what = isShort ? "--short" : `--minutes ${minutes}`;
const which = only === undefined || mutation !== undefined ? "" : ` --only ${only.join(",")}`;
const again = `npm run faults -- ${what} --seed ${seed}${which}${mutation === undefined ? "" : ` --break ${mutation.name}`}`;
if (!options.json) console.log(`${again}\n`);
const outcome = await run({
  ...{ dir, seed, minutes, kinds, isShort },
  mutation: mutation?.patches ?? [],
  onProgress: showProgress,
});
if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
const broken = outcome.verdict.findings.filter((finding) => finding.broken > 0);
const isClean = outcome.failures.length === 0 && broken.length === 0;
if (options.json) {
  const { verdict, ...rest } = outcome;
  const ownAlarms = Object.fromEntries(verdict.ownAlarms);
  console.log(
    JSON.stringify({ again, seed, minutes, isClean, ...rest, verdict: { ...verdict, ownAlarms } }, undefined, 2),
  );
} else printOutcome(outcome, isClean);
if (isClean && !options.keep) rmSync(dir, { recursive: true, force: true });
else if (!options.json) console.log(`\nIts data is kept in ${dir}\nAgain: ${again}`);
process.exit(isClean ? 0 : 1);

function showProgress({ kind, faults, alarms, secondsLeft }: Progress): void {
  if (!process.stderr.isTTY) return;
  const left = `${Math.ceil(secondsLeft)} s left`;
  process.stderr.write(`\r\u001b[K${left}  ${faults} faults  ${alarms} alarms  ${kind}`);
}

function help(): void {
  const list = (items: readonly { name: string; title: string }[]): string =>
    items.map(({ name, title }) => `  ${name.padEnd(27)}${title}`).join("\n");
  console.log(
    "npm run faults [-- --minutes N --seed N --only KIND,... --break NAME --short --json --keep]\n\n" +
      "Starts a whole relay, breaks it, and judges whether an alarm was lost. --short does the same faults each time, one\n" +
      `of every family (${SHORT_KINDS.map(({ name }) => name).join(", ")}).\n\nkinds of faults:\n${list(KINDS)}\n\n` +
      `mutations (--break), each of which the judge must catch:\n${list(MUTATIONS)}`,
  );
}

function wrongKind(name: string): never {
  return wrongUse(`there is no kind of fault ${name}; there are ${KINDS.map((kind) => kind.name).join(", ")}`);
}

function wrongUse(message: string): never {
  console.error(message);
  process.exit(2);
}
