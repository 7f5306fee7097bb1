import type { Outcome } from "./run.ts";

/** Prints what was done, what was looked at, and what was found. */
export function printOutcome(outcome: Outcome, isClean: boolean): void {
  const { kinds, leftOut, verdict, failures, alarms, repeats, seconds } = outcome;
  const done = kinds.filter(({ count }) => count > 0);
  const faults = done.reduce((sum, { count }) => sum + count, 0);
  console.log(`${"fault".padEnd(27)}${"times".padStart(6)}${"fresh alarm, at most".padStart(22)}`);
  for (const { kind, count, freshMsMax } of done) {
    console.log(`${kind.padEnd(27)}${String(count).padStart(6)}${`${(freshMsMax / 1_000).toFixed(1)} s`.padStart(22)}`);
  }
  console.log(
    `\n${faults} faults of ${done.length} kinds, ${alarms.toLocaleString("en-US")} alarms in ${Math.round(seconds)} s; ` +
      `${repeats} reports were sent more than once, ${verdict.markedRepeats} handler calls came again and were marked, ` +
      `${verdict.markedAgain} deliveries came again after a loss and were marked, ` +
      `${verdict.named} lost alarms were named\n`,
  );
  if (leftOut.length > 0) {
    console.log(`${leftOut.length} left out: ${leftOut.map(({ kind }) => kind).join(", ")} (${leftOut[0]?.why})\n`);
  }
  for (const { promise, looked, broken, examples } of verdict.findings) {
    console.log(`${broken === 0 ? "kept  " : "BROKEN"}  ${promise} (${broken} of ${looked.toLocaleString("en-US")})`);
    for (const example of examples) console.log(`          ${example}`);
  }
  for (const failure of failures) console.log(`FAILED  ${failure}`);
  if (verdict.ownAlarms.size > 0) {
    console.log("\nThe relay's own alarms:");
    for (const [name, count] of verdict.ownAlarms) console.log(`  ${String(count).padStart(4)}  ${name}`);
  }
  console.log(isClean ? "\nNo alarm was lost." : "\nThe promise is broken.");
}
