import type { Finding } from "./verdict.ts";

const EXAMPLES_MAX = 5;

export function empty(promise: string): Finding {
  return { promise, looked: 0, broken: 0, examples: [] };
}

export function note(finding: Finding, example: string): void {
  finding.broken += 1;
  if (finding.examples.length < EXAMPLES_MAX) finding.examples.push(example);
}
