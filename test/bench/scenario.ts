export type Unit =
  | "alarms/s"
  | "deliveries/s"
  | "ms"
  | "s"
  | "CPU s"
  | "MB"
  | "µs/alarm"
  | "%"
  | "×"
  | "alarms"
  | "rows"
  | "agents";

/** One figure of one run. */
export interface Measurement {
  name: string;
  unit: Unit;
  value: number;
  /** It is one point of a curve: drawn against the others of the same axis. */
  point?: { axis: string; x: number };
}

/** What the median of a figure has to keep to. */
export interface Bar {
  /** The figure. One of `ratioName` is there as soon as the scenario has that peer. */
  name: string;
  /** In words. */
  bar: string;
  isMet(value: number): boolean;
}

/** Another system that does the same as a scenario, run in turn with it. */
export interface Peer {
  name: string;
  /** What it is, and how it differs from what we do. */
  title: string;
  /** Why it cannot run on this machine; undefined if it can. */
  missing?(): string | undefined;
  /** One run. A figure that has the name of one of ours is compared with it. */
  run(options: RunOptions): Promise<Measurement[]>;
}

interface RunOptions {
  quick: boolean;
}

/** Something that is measured, on its own, with processes of its own. */
export interface Scenario {
  name: string;
  title: string;
  runs(quick: boolean): number;
  /** One run; every run reports the same names. */
  run(options: RunOptions): Promise<Measurement[]>;
  bars?: readonly Bar[];
  peers?: readonly Peer[];
  /** Left out unless `--only` names it. */
  onRequest?: boolean;
}

/** The name of the figure that says how many times the peer's value ours is, in the same round of runs. */
export function ratioName(figure: string, peer: string): string {
  return `${figure} ÷ ${peer}`;
}

export function atLeast(name: string, value: number, unit: Unit): Bar {
  return { name, bar: `at least ${value.toLocaleString("en-US")} ${unit}`, isMet: (median) => median >= value };
}

export function atMost(name: string, value: number, unit: Unit): Bar {
  return { name, bar: `at most ${value.toLocaleString("en-US")} ${unit}`, isMet: (median) => median <= value };
}
