import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../shared/runtime/errors.ts";
import { Explained } from "./explained.ts";
import { Generator } from "./generator.ts";
import { agentsListen, findAccepted } from "./handed-over.ts";
import { MqttGenerator } from "./mqtt-generator.ts";
import { Obligations } from "./obligations.ts";
import type { Patch } from "./patch.ts";
import { Random } from "./random.ts";
import { routeOf } from "./reports.ts";
import { Rig } from "./rig.ts";
import { AGENTS, type AgentName } from "./settings.ts";
import { freshAlarmsPass, type Kind, type Trial, unsettledOf } from "./trial.ts";
import { isAccountedFor, judge, type Verdict } from "./verdict.ts";

export interface RunOptions {
  dir: string;
  seed: number;
  minutes: number;
  kinds: readonly Kind[];
  /** Each kind once, in the order given, however long that takes; otherwise at random until the time is over. */
  isShort: boolean;
  mutation: readonly Patch[];
  /** Called when a fault begins and when it is over. */
  onProgress: (progress: Progress) => void;
}

export interface Progress {
  kind: string;
  faults: number;
  alarms: number;
  secondsLeft: number;
}

/** What was done of one kind, and how long a fresh alarm took afterwards. */
interface KindCount {
  kind: string;
  title: string;
  count: number;
  freshMsMax: number;
}

/** A kind that cannot be done on this machine. */
interface LeftOut {
  kind: string;
  why: string;
}

export interface Outcome {
  verdict: Verdict;
  /** What went wrong while it ran: a fresh alarm that did not pass, a fault that could not be done. */
  failures: string[];
  kinds: KindCount[];
  leftOut: LeftOut[];
  alarms: number;
  repeats: number;
  seconds: number;
}

/** Longer than anything that is done at a slow pace: losses are told once a minute, agents ask each 30 s. */
const STALLED_MS_MAX = 90_000;
/** What has failed already need not be waited for. */
const FAILED_MS_MAX = 5_000;
/** The hub misses an alarm two minutes after it noticed a hole and its gateway had nothing older; another for what is in between. */
const TOLD_MS_MAX = 240_000;
/** The last receipts may still be on their way to the hub, and what they changed to the edge; own alarms wait a minute. */
const AGREE_MS_MAX = 90_000;

/** One run: starts a relay, breaks it in every way for a while, and judges what came of it. */
export async function run(options: RunOptions): Promise<Outcome> {
  const random = new Random(options.seed);
  const startMs = performance.now();
  const leftOut = options.kinds.flatMap(({ name, whyNot }): LeftOut[] => {
    const why = whyNot?.();
    return why === undefined ? [] : [{ kind: name, why }];
  });
  const possible = options.kinds.filter(({ name }) => leftOut.every(({ kind }) => kind !== name));
  if (possible.length === 0) throw new Error(`nothing can be done here: ${leftOut[0]?.why}`);
  const obligations = new Obligations();
  const failures: string[] = [];
  const rig = await Rig.start(options.dir, options.mutation);
  try {
    const generators = Object.fromEntries(
      AGENTS.map((agent) => [agent, generatorOf(agent, { rig, random, obligations })]),
    ) as Record<AgentName, Generator>;
    const trial: Trial = { rig, random, generators, obligations };
    const kinds = await breakIt(trial, { ...options, kinds: possible }, failures);
    for (const generator of Object.values(generators)) await generator.stop();
    const isGone = rig.vanished.size > 0 || rig.hurtAgents.size > 0;
    const stalledMsMax = isGone ? TOLD_MS_MAX : STALLED_MS_MAX;
    await drain(rig, obligations, failures.length === 0 ? stalledMsMax : FAILED_MS_MAX).catch((error: unknown) =>
      failures.push(messageOf(error)),
    );
    const verdict = await judge(rig, obligations, failures.length === 0 ? AGREE_MS_MAX : FAILED_MS_MAX);
    const seconds = (performance.now() - startMs) / 1_000;
    const alarms = obligations.byId.size;
    return { verdict, failures, kinds, leftOut, alarms, repeats: obligations.repeats, seconds };
  } finally {
    await rig.stop();
  }
}

function generatorOf(agent: AgentName, { rig, random, obligations }: Omit<Trial, "generators">): Generator {
  const mqtt = new MqttGenerator({
    agent,
    brokerPort: rig.broker.port,
    random: random.fork(),
    obligations,
    findAccepted: () => findAccepted(rig, obligations),
  });
  return new Generator({ agent, url: rig.agentUrl(agent), random: random.fork(), obligations, mqtt });
}

/** Each kind once before one comes again, without end. */
function* atRandom(kinds: readonly Kind[], random: Random): IterableIterator<Kind> {
  while (kinds.length > 0) yield* random.shuffled(kinds);
}

/** Inflicts one fault after another until the time is over, all are done, or one is too much. */
async function breakIt(trial: Trial, options: RunOptions, failures: string[]): Promise<KindCount[]> {
  const counts = new Map(
    options.kinds.map(({ name, title }) => [name, { kind: name, title, count: 0, freshMsMax: 0 }]),
  );
  const endMs = performance.now() + options.minutes * 60_000;
  const isLast = ({ isOnlyAtTheEnd }: Kind): boolean => isOnlyAtTheEnd === true;
  const repeated = options.kinds.filter((kind) => !isLast(kind));
  let faults = 0;
  const inflict = async (kind: Kind): Promise<void> => {
    const count = counts.get(kind.name) as KindCount;
    let detail: string | undefined;
    options.onProgress({
      kind: kind.name,
      faults,
      alarms: trial.obligations.byId.size,
      secondsLeft: Math.max(0, endMs - performance.now()) / 1_000,
    });
    try {
      detail = await kind.inflict(trial);
      count.freshMsMax = Math.max(count.freshMsMax, await freshAlarmsPass(trial));
    } catch (error) {
      failures.push(
        `${kind.name}${detail === undefined ? "" : ` (${detail})`}, fault ${faults + 1}: ${messageOf(error)}`,
      );
    }
    count.count += 1;
    faults += 1;
    if (trial.obligations.faults.length > 0) failures.push(trial.obligations.faults[0] as string);
  };
  await agentsListen(trial.rig);
  await freshAlarmsPass(trial);
  for (const generator of Object.values(trial.generators)) generator.start();
  for (const kind of options.isShort ? repeated : atRandom(repeated, trial.random)) {
    if (failures.length > 0 || (performance.now() >= endMs && !options.isShort)) break;
    await inflict(kind);
  }
  for (const kind of options.kinds.filter(isLast)) if (failures.length === 0) await inflict(kind);
  return [...counts.values()];
}

/** Waits until every center has what it is owed and nobody keeps anything that is not settled, as long as it gets less. */
async function drain(rig: Rig, obligations: Obligations, stalledMsMax: number): Promise<void> {
  let owedLeast = Number.POSITIVE_INFINITY;
  let lessAtMs = performance.now();
  for (;;) {
    const { owed, example } = await owedNow(rig, obligations);
    if (owed === 0) return;
    if (owed < owedLeast) {
      owedLeast = owed;
      lessAtMs = performance.now();
    }
    if (performance.now() - lessAtMs > stalledMsMax) {
      throw new Error(`${owed} are owed, and that has not changed for ${stalledMsMax / 1_000} s: ${example}`);
    }
    await sleep(250);
  }
}

/** How many deliveries and settlements are missing, and one of them in words. */
async function owedNow(rig: Rig, obligations: Obligations): Promise<{ owed: number; example: string }> {
  await findAccepted(rig, obligations);
  const explained = new Explained(rig.calls.north.calls);
  let owed = 0;
  let example = "";
  for (const { id, category } of obligations.byId.values()) {
    for (const center of routeOf(category)) {
      if (isAccountedFor(rig, explained, center, id)) continue;
      owed += 1;
      example = `${center} has not got ${id}`;
    }
  }
  for (const agent of AGENTS) {
    const [first, ...others] = obligations.handedOverTo(agent);
    if (first !== undefined) {
      owed += 1 + others.length;
      example = `${agent} has not accepted ${first}, which the MQTT broker took`;
    }
    const rows = await unsettledOf(rig, agent);
    owed += rows;
    if (rows > 0 && example === "") example = `${rows} alarms of ${agent} are not settled`;
  }
  return { owed, example };
}
