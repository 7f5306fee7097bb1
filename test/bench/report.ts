import type { BarResult, Figure, Result } from "./measure.ts";
import { ratioName } from "./scenario.ts";

const NAME_COLUMNS = 44;
const PLOT_COLUMNS = 40;

/** Prints the figures of a scenario and of its peers, each beside what ours is of it, and draws its curves. */
export function printResult({ scenario, title, figures, peers }: Result): void {
  console.log(`${scenario}: ${title}`);
  const ratios = new Set(peers.flatMap(({ peer, figures: theirs }) => theirs.map(({ name }) => ratioName(name, peer))));
  for (const figure of figures) {
    if (figure.point === undefined && !ratios.has(figure.name)) console.log(figureLine(figure, "  "));
  }
  for (const axis of new Set(figures.flatMap(({ point }) => point?.axis ?? []))) {
    printCurve(
      axis,
      figures.filter(({ point }) => point?.axis === axis),
    );
  }
  for (const { peer, title: what, missing, figures: theirs } of peers) {
    console.log(`  ${peer}: ${missing === undefined ? what : `left out, ${missing}`}`);
    for (const figure of theirs) {
      const ratio = figures.find(({ name }) => name === ratioName(figure.name, peer));
      console.log(figureLine(figure, "    ") + (ratio === undefined ? "" : `   ours ${number(ratio.median)} ×`));
    }
  }
  console.log();
}

function figureLine({ name, unit, median, min, max, values }: Figure, indent: string): string {
  const spread = values.length > 1 ? `   (${number(min)} to ${number(max)}, ${values.length} runs)` : "";
  return `${(indent + name).padEnd(NAME_COLUMNS)}${number(median).padStart(10)} ${unit}${spread}`;
}

function printCurve(axis: string, points: readonly Figure[]): void {
  const highest = Math.max(...points.map(({ median }) => median));
  console.log(`  ${axis}`);
  for (const { unit, median, point } of points) {
    const bar = "█".repeat(Math.max(1, Math.round((median / highest) * PLOT_COLUMNS)));
    console.log(
      `${(point?.x ?? 0).toLocaleString("en-US").padStart(12)}  ${bar.padEnd(PLOT_COLUMNS)} ${number(median)} ${unit}`,
    );
  }
}

/** Prints which bars are met, as one table at the end. */
export function printBars(bars: readonly BarResult[]): void {
  if (bars.length === 0) return;
  const rows = bars.map(({ scenario, figure, bar, value, unit, isMet }) => [
    scenario,
    figure,
    value === undefined ? "-" : `${number(value)} ${unit}`,
    bar,
    isMet === undefined ? "not measured" : isMet ? "met" : "NOT MET",
  ]);
  const table = [["scenario", "figure", "median", "bar", ""], ...rows];
  const widths = (table[0] as string[]).map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  for (const row of table) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(value >= 10 ? 1 : 2);
}
