/** One column of a table: its heading, and the cell of a row. */
export interface Column<Row> {
  title: string;
  cell: (row: Row) => string | number | undefined;
  /** Numbers stand at the right. */
  right?: boolean;
}

/** Writes data as JSON, one document with a line end. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, process.stdout.isTTY === true ? 2 : undefined)}\n`);
}

export function printLine(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Writes rows as columns for a person. Control characters, which could drive the terminal, are shown as dots. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
  for (const line of tableLines(rows, columns)) printLine(line);
}

function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => clean(cell(row))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] as string).length)));
  return cells.map((line) =>
    line
      .map((text, i) =>
        columns[i]?.right === true ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number),
      )
      .join("  ")
      .trimEnd(),
  );
}

function clean(cell: string | number | undefined): string {
  return cell === undefined ? "-" : String(cell).replaceAll(/\p{Cc}/gu, "·");
}

/** A duration for a person: `850 ms`, `42 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function humanDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const pairs: [number, string, number, string][] = [
    [60, "min", 1, "s"],
    [3_600, "h", 60, "min"],
    [86_400, "d", 3_600, "h"],
  ];
  const [unit, name, smaller, smallerName] = pairs.findLast(([size]) => seconds >= size) as [
    number,
    string,
    number,
    string,
  ];
  const rest = Math.floor((seconds % unit) / smaller);
  return rest === 0
    ? `${Math.floor(seconds / unit)} ${name}`
    : `${Math.floor(seconds / unit)} ${name} ${rest} ${smallerName}`;
}

/** Bytes for a person: `512 B`, `3.4 MiB`. */
export function humanBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * step);
  return `${step === 0 ? value : value.toFixed(1)} ${units[step]}`;
}
