import { type Measurement, type Peer, ratioName, type Scenario, type Unit } from "./scenario.ts";
import { median } from "./statistics.ts";

/** A figure over all runs. */
export interface Figure {
  name: string;
  unit: Unit;
  median: number;
  min: number;
  max: number;
  /** In the order of the runs. */
  values: number[];
  point?: { axis: string; x: number };
}

interface PeerResult {
  peer: string;
  title: string;
  /** Why it did not run. */
  missing?: string;
  figures: Figure[];
}

export interface BarResult {
  scenario: string;
  figure: string;
  bar: string;
  /** Undefined where it was not measured, with the peer that it needs for instance. */
  value?: number;
  unit?: Unit;
  isMet?: boolean;
}

export interface Result {
  scenario: string;
  title: string;
  figures: Figure[];
  peers: PeerResult[];
  bars: BarResult[];
}

export interface MeasureOptions {
  quick: boolean;
  onProgress: (what: string) => void;
}

/** What takes longer has lost something that it waits for. The longest run makes a ledger of ten million alarms. */
const RUN_MS_MAX = 30 * 60_000;

interface Contender {
  name: string;
  run: Peer["run"];
  runs: Measurement[][];
}

/**
 * Runs a scenario and its peers in turn, so that whatever drifts on the machine hits all of them, and each round
 * begins with another one. A round of quick runs comes first where there are several and does not count.
 */
export async function measure(scenario: Scenario, { quick, onProgress }: MeasureOptions): Promise<Result> {
  const peers = (scenario.peers ?? []).map((peer) => ({ peer, missing: peer.missing?.() }));
  const contenders = [scenario, ...peers.filter(({ missing }) => missing === undefined).map(({ peer }) => peer)].map(
    (each): Contender => ({ name: each.name, run: (options) => bounded(each.run(options)), runs: [] }),
  );
  const [ours, ...theirs] = contenders as [Contender, ...Contender[]];
  const rounds = scenario.runs(quick);
  if (rounds > 1) {
    for (const { name, run } of contenders) {
      onProgress(`${scenario.name}: warming up, ${name}`);
      await run({ quick: true });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, run, runs } = contenders[(round + turn) % contenders.length] as Contender;
      onProgress(`${scenario.name}: run ${round + 1} of ${rounds}, ${name}`);
      runs.push(await run({ quick }));
    }
  }
  const figures = figuresOf(ours.runs.map((run, round) => [...run, ...ratios(run, theirs, round)]));
  return {
    scenario: scenario.name,
    title: scenario.title,
    figures,
    peers: peers.map(({ peer: { name, title }, missing }) => ({
      peer: name,
      title,
      ...(missing === undefined ? {} : { missing }),
      figures: figuresOf(theirs.find((each) => each.name === name)?.runs ?? []),
    })),
    bars: barsOf(scenario, figures),
  };
}

/** A run that waits for ever shall not keep the others from running. Its processes end with the bench. */
async function bounded<T>(running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a run was not done after ${RUN_MS_MAX / 60_000} minutes`)), RUN_MS_MAX);
  });
  return await Promise.race([running, late]).finally(() => clearTimeout(timer));
}

/** How many times a peer's value ours is, in one round. */
function ratios(run: readonly Measurement[], peers: readonly Contender[], round: number): Measurement[] {
  return peers.flatMap(({ name: peer, runs }) =>
    (runs[round] ?? []).flatMap(({ name, value }) => {
      const own = run.find((measurement) => measurement.name === name);
      return own === undefined ? [] : [{ name: ratioName(name, peer), unit: "×" as const, value: own.value / value }];
    }),
  );
}

function figuresOf(runs: readonly Measurement[][]): Figure[] {
  return (runs[0] ?? []).map(({ name, unit, point }, i) => {
    const values = runs.map((run) => run[i]?.value ?? Number.NaN);
    return {
      name,
      unit,
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      values,
      ...(point === undefined ? {} : { point }),
    };
  });
}

function barsOf(scenario: Scenario, figures: readonly Figure[]): BarResult[] {
  return (scenario.bars ?? []).map(({ name, bar, isMet }) => {
    const figure = figures.find((each) => each.name === name);
    const result = { scenario: scenario.name, figure: name, bar };
    if (figure === undefined) return result;
    return { ...result, value: figure.median, unit: figure.unit, isMet: isMet(figure.median) };
  });
}
