import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../helpers/eventually.ts";
import type { Generator } from "./generator.ts";
import type { Obligations } from "./obligations.ts";
import type { Random } from "./random.ts";
import { CENTERS, type CenterName } from "./reports.ts";
import type { ProcessName, Rig } from "./rig.ts";
import type { AgentName } from "./settings.ts";

/** What a fault works with. */
export interface Trial {
  rig: Rig;
  random: Random;
  generators: Readonly<Record<AgentName, Generator>>;
  obligations: Obligations;
}

/** One way in which things go wrong. */
export interface Kind {
  name: string;
  title: string;
  /** Why it cannot be done on this machine; undefined if it can. */
  whyNot?: () => string | undefined;
  /** It is done once, when all others are: they would take away what its verdict rests on. */
  isOnlyAtTheEnd?: boolean;
  /** Does it and mends it again; what it returns says how exactly, for the record. Throws where what it saw is wrong. */
  inflict: (trial: Trial) => Promise<string | undefined>;
}

/** While things are broken, alarms go on coming. */
export function during(random: Random, minMs = 300, maxMs = 2_500): Promise<void> {
  return sleep(random.between(minMs, maxMs));
}

/** Kills processes at once, waits, and starts them again, in the order given. */
export async function killAndStart({ rig, random }: Trial, names: readonly ProcessName[]): Promise<void> {
  await Promise.all(names.map((name) => rig.process(name).kill()));
  await during(random);
  for (const name of names) await rig.process(name).start();
}

/** Waits until a center has been handed all of these alarms. */
export async function receivedBy(
  rig: Rig,
  center: CenterName,
  ids: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await eventually(
    `${center} has ${ids.length} alarms`,
    () => {
      rig.readCalls();
      const missing = ids.filter((id) => !rig.calls[center].ids.has(id));
      if (missing.length > 0) throw new Error(`${missing.length} are missing, the first is ${missing[0]}`);
      return true;
    },
    { timeoutMs, everyMs: 50 },
  );
}

const FRESH_MS_MAX = 120_000;

/** After every fault a fresh alarm of each agent, by HTTP and by MQTT, must reach every center. Returns how long that took, in milliseconds. */
export async function freshAlarmsPass({ rig, generators }: Trial): Promise<number> {
  const startMs = performance.now();
  const senders = Object.values(generators).flatMap((generator) => [generator, generator.mqtt]);
  const ids = await Promise.all(senders.map((sender) => sender.sendProbe()));
  for (const center of CENTERS) await receivedBy(rig, center, ids, FRESH_MS_MAX);
  return performance.now() - startMs;
}

/** How many alarms an agent keeps because they are not settled. */
export async function unsettledOf(rig: Rig, agent: AgentName): Promise<number> {
  const { rows } = (await (await fetch(`${rig.agentUrl(agent)}/v1/queue`)).json()) as {
    rows: Record<string, Record<"accepted" | "relayed" | "held", number>>;
  };
  return Object.values(rows).reduce((sum, lane) => sum + lane.accepted + lane.relayed + lane.held, 0);
}
