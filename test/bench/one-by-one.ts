import { pause } from "./relay.ts";
import type { Measurement } from "./scenario.ts";
import { percentile } from "./statistics.ts";

/** The first ones find code that was never run and files that were never written. */
const WARM_UP = 100;
const COUNT = 1_000;
const COUNT_QUICK = 200;
/** Long enough for every part to be idle again. */
const PAUSE_MS = 5;

/** How long after its start an alarm reached each stage, in milliseconds. A peer may have fewer of them. */
export interface Stages {
  accepted: number;
  "at the handler": number;
  "receipt at the edge"?: number;
}

/**
 * Hands over one alarm after the other, each when the last has arrived and everything has come to rest. What came of
 * those of the warm-up is left out.
 */
export async function oneByOne<T>(quick: boolean, one: (i: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < WARM_UP + (quick ? COUNT_QUICK : COUNT); i++) {
    all.push(await one(i));
    await pause(PAUSE_MS);
  }
  return all.slice(WARM_UP);
}

/** The median and the 99th percentile of each stage. */
export function stageFigures(all: readonly Stages[]): Measurement[] {
  return (Object.keys(all[0] ?? {}) as (keyof Stages)[]).flatMap((stage) => {
    const values = all.map((stages) => stages[stage] ?? Number.NaN);
    return [
      { name: `${stage}, p50`, unit: "ms" as const, value: percentile(values, 0.5) },
      { name: `${stage}, p99`, unit: "ms" as const, value: percentile(values, 0.99) },
    ];
  });
}
