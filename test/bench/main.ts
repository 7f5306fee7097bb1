import { parseArgs } from "node:util";
import { messageOf } from "../../shared/runtime/errors.ts";
import { profileInto } from "./child.ts";
import { machineLine } from "./machine.ts";
import { measure, type Result } from "./measure.ts";
import { printBars, printResult } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    json: { type: "boolean", default: false },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  help();
  process.exit(0);
}
// A process that a signal ends runs no exit handlers, and those end the children and remove the folders.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
if (options.profile !== undefined) profileInto(options.profile);
const { quick, json } = options;
const only = options.only?.flatMap((names) => names.split(","));
const chosen =
  only === undefined ? SCENARIOS.filter(({ onRequest }) => onRequest !== true) : only.map((name) => scenario(name));

const machine = machineLine();
const startMs = performance.now();
if (!json) console.log(`${machine}\nReal processes over loopback; every write on which custody rests is synced.\n`);
const results: Result[] = [];
const failures: { scenario: string; reason: string }[] = [];
for (const each of chosen) {
  try {
    const result = await measure(each, { quick, onProgress: showProgress });
    results.push(result);
    showProgress("");
    if (!json) printResult(result);
  } catch (error) {
    showProgress("");
    failures.push({ scenario: each.name, reason: messageOf(error) });
    console.error(`${each.name} failed: ${messageOf(error)}\n`);
  }
}
const bars = results.flatMap((result) => result.bars);
const seconds = Math.round((performance.now() - startMs) / 1_000);
if (json) {
  const at = new Date().toISOString();
  console.log(JSON.stringify({ machine, at, quick, seconds, results, failures, bars }, undefined, 2));
} else {
  printBars(bars);
  console.log(`\n${seconds} s`);
}
process.exit(failures.length === 0 ? 0 : 1);

function scenario(name: string): Scenario {
  const found = SCENARIOS.find((each) => each.name === name);
  if (found !== undefined) return found;
  console.error(`there is no scenario ${name}; there are ${SCENARIOS.map((each) => each.name).join(", ")}`);
  process.exit(2);
}

function showProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
}

function help(): void {
  console.log("npm run bench [-- --quick --only NAME,... --json --profile DIR]\n\nscenarios:");
  for (const { name, title, onRequest } of SCENARIOS) {
    console.log(`  ${name.padEnd(12)}${title}${onRequest === true ? " (only when it is named)" : ""}`);
  }
}
