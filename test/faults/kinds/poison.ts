import { randomUUID } from "node:crypto";
import type { Report } from "../../../shared/alarm/report.ts";
import type { NatsLink } from "../../../shared/nats/link.ts";
import { LogPublisher } from "../../../shared/nats/publish.ts";
import { eventually } from "../../helpers/eventually.ts";
import { ledgerId, type Poisoned, toldSince, withLink } from "../poisoned.ts";
import { makeReport } from "../reports.ts";
import type { Rig } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { type Kind, receivedBy } from "../trial.ts";

/** The hub tells of the same subject once a minute at most. */
const TOLD_MS_MAX = 90_000;
const PASS_MS_MAX = 60_000;

/** A message that nobody of ours would send. */
interface Poison {
  subject: string;
  payload: string;
  /** How many faults it must be told as. */
  faults: number;
}

/**
 * What cannot be read lies in the logs and comes by core NATS. All that is behind it must go on, each fault must be told,
 * and no center may see anything of it.
 */
const poison: Kind = {
  name: "poison",
  title: "what nobody can read is published to the logs and to the hints",
  inflict: async (trial) => {
    const { rig, random, generators, obligations } = trial;
    // Like a gateway that nobody has configured: what it says about alarms touches no other.
    const stranger = `stranger-${random.between(1, 1e9)}`;
    const good = [1, 2].map((n) => makeReport(random, stranger, n, "fire"));
    const alarms = good.map((report, i) => alarmOf(stranger, i + 1, report));
    obligations.sending(good);
    const probe = await generators[random.pick(AGENTS)].sendProbe();
    const poisons = [
      ...poisonOfAlarms(stranger, alarms, nextOf(probe)),
      ...poisonOfReceipts(stranger, probe),
      ...poisonOfDecisions(probe),
    ];
    await withLink(rig, async (link) => {
      const ledger = await ledgerId(link);
      for (const { subject, faults } of poisons) if (faults > 0) obligations.poison(subject, faults, ledger);
      await publish(link, random.shuffled(poisons));
    });
    for (const [i, report] of good.entries()) obligations.accepted(report, (alarms[i] as { id: string }).id);
    const behind = await Promise.all(AGENTS.map((agent) => generators[agent].sendMany(20, "fire")));
    const ids = [...behind.flat(), ...alarms.map(({ id }) => id)];
    for (const center of ["north", "south", "web"] as const) await receivedBy(rig, center, ids, PASS_MS_MAX);
    await toldOnce(rig, obligations.poisoned);
    await hubAnswers(rig);
    return stranger;
  },
};

function alarmOf(agent: string, seq: number, report: Report) {
  const acceptedAt = new Date().toISOString();
  return { id: `${agent}.e1.${seq}`, agent, condition: "fire", priority: "critical", acceptedAt, ...report };
}

/** The id that its agent will give soon: whoever else uses it must not be able to take it. */
function nextOf(id: string): string {
  const dot = id.lastIndexOf(".");
  return `${id.slice(0, dot)}.${Number(id.slice(dot + 1)) + 3}`;
}

function poisonOfAlarms(agent: string, [one, two]: readonly object[], id: string): Poison[] {
  const subject = `alarm.${agent}.critical`;
  const message = (value: unknown, faults: number): Poison => ({ subject, payload: JSON.stringify(value), faults });
  const bad = (n: number, change: object) => ({ ...one, id: `${agent}.bad.${n}`, ...change });
  return [
    { subject, payload: "not JSON", faults: 1 },
    { subject, payload: "", faults: 1 },
    message({ not: "an array" }, 1),
    message([one, bad(1, { category: "no such category" }), two], 1),
    message([bad(2, { id, agent: id.split(".")[0] })], 1),
    message([bad(3, { text: "x".repeat(900_000) })], 1),
    message([null, 7, "text", [], {}], 5),
    message([bad(4, { acceptedAt: "yesterday" }), bad(5, { point: 5 })], 2),
    message(
      Array.from({ length: 10_000 }, (_, i) => i),
      10_000,
    ),
    message(
      Array.from({ length: 5_000 }, (_, i) => ({ id: `${agent}.many.${i + 1}`, agent })),
      5_000,
    ),
  ];
}

function poisonOfReceipts(stranger: string, id: string): Poison[] {
  const subject = `receipt.${stranger}`;
  const at = new Date().toISOString();
  const message = (value: unknown, faults = 1): Poison => ({ subject, payload: JSON.stringify(value), faults });
  return [
    { subject, payload: "not JSON", faults: 1 },
    message(null),
    message({ type: "eaten", alarms: [id], at }),
    message({ type: "received", alarms: [], at }),
    message({ type: "received", alarms: Array.from({ length: 1_001 }, () => id), at }),
    message({ type: "acknowledged", alarms: [id], at }),
    // These can be read and say nothing: of a center that there is not, about an alarm that there is not.
    message({ type: "received", alarms: [id], at }, 0),
    { ...message({ type: "received", alarms: [`${stranger}.e1.999`], at }, 0), subject: "receipt.north" },
  ];
}

function poisonOfDecisions(id: string): Poison[] {
  const config = "decision.config";
  const message = (subject: string, value: unknown): Poison => ({ subject, payload: JSON.stringify(value), faults: 1 });
  return [
    { subject: config, payload: "not JSON", faults: 1 },
    message(config, null),
    message(config, {}),
    message(config, { version: 1e6, routing: { centers: [] }, effectiveAfter: [] }),
    message(config, { version: 1e6 + 1, routing: { centers: [], routes: [7], defaultRoute: 7 }, effectiveAfter: 7 }),
    message("decision.redriven", { id: "no id", center: "north" }),
    message("decision.redriven", { id, center: "no center" }),
    { subject: "decision.unheard-of", payload: "{}", faults: 0 },
  ];
}

/** Hints and questions by core NATS; nothing is told of them, and nothing may come of them. */
const HINTS: readonly [subject: string, payload: string][] = [
  ...AGENTS.flatMap((agent) =>
    ["not JSON", "null", "{}", '{"ledger":7,"changes":7}', '{"changes":[null]}'].map(
      (payload) => [`stage.${agent}`, payload] as [string, string],
    ),
  ),
  ...["not JSON", "null", "{}", '{"agent":"gw-1"}', '{"agent":"gw-1","heartbeatMs":5000,"epoch":"e1"}'].map(
    (payload) => ["presence.gw-1", payload] as [string, string],
  ),
  ["presence.stranger", '{"agent":"stranger","heartbeatMs":1e9,"epoch":"e1"}'],
  ...["not JSON", "null", "{}", '{"agent":"gw-1","since":-1,"epochs":7}'].map(
    (payload) => ["hub.changes", payload] as [string, string],
  ),
  ["hub.receipts", "null"],
];

async function publish(link: NatsLink, poisons: readonly Poison[]): Promise<void> {
  const publisher = new LogPublisher(link);
  for (const { subject, payload } of poisons) await publisher.publish(subject, payload, { msgId: randomUUID() });
  for (const [subject, payload] of HINTS) link.publishHint(subject, payload);
}

/** The first fault at a subject is told at once; how many there were is judged at the end of the run. */
async function toldOnce(rig: Rig, poisoned: ReadonlyMap<string, Poisoned>): Promise<void> {
  await eventually(
    "the faults are told by own alarms",
    () => {
      rig.readCalls();
      const untold = [...poisoned].find(([subject, { sinceMs }]) => toldSince(rig, subject, sinceMs) === 0);
      if (untold !== undefined) throw new Error(`none is told of ${untold[0]}`);
      return true;
    },
    { timeoutMs: TOLD_MS_MAX, everyMs: 100 },
  );
}

async function hubAnswers(rig: Rig): Promise<void> {
  for (const path of ["v1/agents", "v1/centers", "v1/dead", "metrics", "readyz"]) {
    const response = await fetch(`${rig.hubUrl}/${path}`);
    if (!response.ok) throw new Error(`the hub answers ${response.status} at /${path}: ${await response.text()}`);
  }
}

export const POISON_KINDS: readonly Kind[] = [poison];
