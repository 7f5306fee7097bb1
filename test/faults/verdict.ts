import { formatAlarmId, parseAlarmId, type SeqRange } from "../../shared/alarm/identity.ts";
import type { Call } from "./call-log.ts";
import { Explained } from "./explained.ts";
import type { Obligation, Obligations } from "./obligations.ts";
import { CENTERS, type CenterName, isBusy, isOwn, routeOf } from "./reports.ts";
import type { Rig } from "./rig.ts";
import { AGENTS, type AgentName } from "./settings.ts";
import { stagesAgree } from "./stages.ts";

/** One promise, and what was found to break it. */
export interface Finding {
  promise: string;
  /** How many cases were looked at. */
  looked: number;
  broken: number;
  examples: string[];
}

export interface Verdict {
  findings: Finding[];
  /** Alarms of the relay about itself, by their text: reported, not judged. */
  ownAlarms: Map<string, number>;
  /** Handler calls that were cut off and came again, marked. */
  markedRepeats: number;
  /** Accepted alarms that are lost and were named. */
  named: number;
  /** First deliveries that were marked as coming again after a loss. */
  markedAgain: number;
}

/** A failure is understood from a few examples. */
const EXAMPLES_MAX = 5;

class Promised implements Finding {
  readonly promise: string;
  readonly examples: string[] = [];
  looked = 0;
  broken = 0;

  constructor(promise: string) {
    this.promise = promise;
  }

  /** `example` says what is wrong; undefined if nothing is. */
  look(example: string | undefined): void {
    this.looked += 1;
    if (example === undefined) return;
    this.broken += 1;
    if (this.examples.length < EXAMPLES_MAX) this.examples.push(example);
  }
}

/** Judges a run that is over and drained; stages that do not agree yet have `agreeMsMax` to do so. */
export async function judge(rig: Rig, obligations: Obligations, agreeMsMax: number): Promise<Verdict> {
  rig.readCalls();
  rig.readEvidence();
  const explained = new Explained(rig.calls.north.calls);
  const repeats = onceAtTheHandler(rig);
  const findings = [
    answersStand(obligations),
    handedOverAccepted(obligations),
    allReceived(rig, obligations, explained),
    lossesAreExact(rig, obligations, explained),
    nothingMissedFalsely(rig, explained),
    asidesTold(rig, explained),
    nothingInvented(rig, obligations),
    payloadsEqual(rig, obligations),
    repeats.finding,
    inOrder(rig, "by lane", ({ lane, point }) => (isBusy(point) ? undefined : lane)),
    inOrder(rig, "by point", ({ lane, point }) => (isBusy(point) ? `${lane} ${point}` : undefined)),
    ...(await stagesAgree(rig, obligations, agreeMsMax)),
    nothingSetAside(rig, obligations),
    nothingEnded(rig),
  ];
  const calls = CENTERS.flatMap((center) => rig.calls[center].calls);
  return {
    findings,
    ownAlarms: ownAlarms(rig),
    markedRepeats: repeats.marked,
    named: namedOf(rig, obligations, explained),
    markedAgain: calls.filter((call) => call.relayedAgain).length,
  };
}

function answersStand(obligations: Obligations): Finding {
  const promised = new Promised("an id is given once");
  promised.looked = obligations.byId.size;
  for (const fault of obligations.faults) promised.look(fault);
  return promised;
}

function allReceived(rig: Rig, obligations: Obligations, explained: Explained): Finding {
  const promised = new Promised("every accepted alarm is received by every center of its route, or named as lost");
  for (const { id, category } of obligations.byId.values()) {
    for (const center of routeOf(category)) {
      promised.look(isAccountedFor(rig, explained, center, id) ? undefined : `${center} never had ${id}`);
    }
  }
  return promised;
}

/** How many alarms did not reach every center and were named as lost. */
function namedOf(rig: Rig, obligations: Obligations, explained: Explained): number {
  const isMissing = ({ id, category }: Obligation): boolean =>
    routeOf(category).some((center) => !rig.calls[center].ids.has(id));
  return [...obligations.byId.values()].filter((owed) => isMissing(owed) && explained.names(owed.id)).length;
}

/** Who misses an alarm although nothing was done to its queue is wrong about it. */
function nothingMissedFalsely(rig: Rig, explained: Explained): Finding {
  const promised = new Promised("nothing is called lost or missing that no fault can have taken");
  for (const { by, agent, range } of explained.all) {
    if (by === "evicted") continue;
    const [epoch, first, last] = range;
    const isExplained = rig.hurtAgents.has(agent as AgentName) || (by === "gap" && haveVanished(rig, agent, range));
    const what = `${agent}.${epoch}.${first}-${last}`;
    promised.look(isExplained ? undefined : `${what} is told as ${by === "gap" ? "a gap" : "lost with its queue"}`);
  }
  return promised;
}

function haveVanished(rig: Rig, agent: string, [epoch, first, last]: SeqRange): boolean {
  for (let seq = first; seq <= last; seq++) {
    if (!rig.vanished.has(formatAlarmId(agent, epoch, seq))) return false;
  }
  return true;
}

function asidesTold(rig: Rig, explained: Explained): Finding {
  const promised = new Promised("every damaged file that was set aside is named by an alarm");
  for (const name of ["hub", ...AGENTS] as const) {
    for (const file of rig.asidesOf(name)) {
      const isNamed = explained.texts.some((text) => text.includes(file));
      promised.look(isNamed ? undefined : `${name} has set ${file} aside, and no alarm names it`);
    }
  }
  return promised;
}

/** A center has it or has refused it, or somebody has named it as lost. */
export function isAccountedFor(rig: Rig, explained: Explained, center: CenterName, id: string): boolean {
  const { ids, refused } = rig.calls[center];
  return ids.has(id) || refused.has(id) || explained.names(id);
}

/** A PUBACK of the broker promises as much as an answer of the agent; one that comes to nothing has no id to miss. */
function handedOverAccepted(obligations: Obligations): Finding {
  const promised = new Promised("what the MQTT broker took for an agent is accepted there");
  for (const agent of AGENTS) {
    promised.looked += obligations.foundOf(agent);
    for (const reportId of obligations.handedOverTo(agent)) promised.look(`${agent} never accepted ${reportId}`);
  }
  return promised;
}

/** What had not left its agent is gone once it is named; and what is critical must not go at all. */
function lossesAreExact(rig: Rig, obligations: Obligations, explained: Explained): Finding {
  const promised = new Promised("what is named as evicted is what is missing, and nothing critical");
  for (const { id, category } of obligations.byId.values()) {
    if (explained.lossOf(id) !== "evicted") continue;
    const has = CENTERS.filter((center) => rig.calls[center].ids.has(id));
    if (category === "fire" && has.length < routeOf(category).length)
      promised.look(`${id} is critical and was evicted`);
    else if (has.length === 0 || !obligations.shutIn.has(id)) promised.look(undefined);
    else promised.look(`${id} is named as lost, and ${has.join(", ")} have it`);
  }
  return promised;
}

/** An alarm whose answer was lost with the process may arrive, too; its report was sent at least. */
function nothingInvented(rig: Rig, obligations: Obligations): Finding {
  const promised = new Promised("no alarm is invented, and none goes where it is not routed");
  for (const center of CENTERS) {
    for (const { id, category, reportId } of rig.calls[center].calls) {
      if (isOwn(reportId)) continue;
      const owed = obligations.byId.get(id);
      const isKnown = owed === undefined ? obligations.sent.has(reportId) : owed.reportId === reportId;
      if (!isKnown) promised.look(`${center} got ${id}, which nobody sent (${reportId})`);
      else promised.look(routeOf(category).includes(center) ? undefined : `${center} got ${id}, of ${category}`);
    }
  }
  return promised;
}

function payloadsEqual(rig: Rig, obligations: Obligations): Finding {
  const promised = new Promised("what arrives is what was handed over");
  for (const center of CENTERS) {
    for (const { id, reportId, digest } of rig.calls[center].calls) {
      if (isOwn(reportId)) continue;
      const sent = obligations.sent.get(reportId);
      promised.look(sent === undefined || sent === digest ? undefined : `${center} got ${id} with other contents`);
    }
  }
  return promised;
}

/** A second call must be marked, and a handler must have failed or been cut off since the one before. */
function onceAtTheHandler(rig: Rig): { finding: Finding; marked: number } {
  const promised = new Promised("a handler is called once, unless it failed or was cut off, and then that is marked");
  let marked = 0;
  for (const center of CENTERS) {
    const cutOffAtMs = cutOffs(rig, center);
    const before = new Map<string, Call>();
    for (const call of rig.calls[center].calls) {
      const first = before.get(call.id);
      before.set(call.id, call);
      if (first === undefined) {
        promised.look(undefined);
        continue;
      }
      const isAfterFailure = first.outcome === "failed";
      const isExplained = isAfterFailure || cutOffAtMs.some((atMs) => atMs >= first.atMs - 1_000 && atMs <= call.atMs);
      const what = `${center} was called again for ${call.id}, attempt ${call.attempt}`;
      if (call.attempt <= 1) promised.look(`${what}: not marked`);
      else promised.look(isExplained ? undefined : `${what}: nothing had cut it off`);
      marked += 1;
    }
  }
  return { finding: promised, marked };
}

/** When a handler of the center may have been cut off: the webhook's is a POST by the hub. */
function cutOffs(rig: Rig, center: CenterName): number[] {
  const own = rig.process(center).killedAtMs;
  if (center !== "web") return [...own];
  const stalls = [...rig.stalledAtMs("hub"), ...rig.stalledAtMs("web")];
  return [...own, ...rig.process("hub").killedAtMs, ...rig.webDisturbedAtMs, ...stalls];
}

/** POSTs of different points run side by side, so the webhook has an order by point only. */
function inOrder(rig: Rig, name: string, queueOf: (call: Call) => string | undefined): Finding {
  const promised = new Promised(`first deliveries that are not marked come in order ${name}`);
  for (const center of CENTERS) {
    if (center === "web" && name === "by lane") continue;
    const last = new Map<string, Call>();
    for (const call of rig.calls[center].calls) {
      const queue = queueOf(call);
      if (queue === undefined || call.attempt > 1 || call.relayedAgain || isOwn(call.reportId)) continue;
      const before = last.get(queue);
      const isLate = before !== undefined && isBefore(call, before);
      promised.look(isLate ? `${center}: ${call.id} came after ${before.id} (${queue})` : undefined);
      if (!isLate) last.set(queue, call);
    }
  }
  return promised;
}

/** Seqs count on from one epoch to the next; a queue that was put back begins another count. */
function isBefore(call: Call, other: Call): boolean {
  const [one, two] = [parseAlarmId(call.id), parseAlarmId(other.id)];
  return one?.epoch === two?.epoch && (one?.seq ?? 0) < (two?.seq ?? 0);
}

function nothingEnded(rig: Rig): Finding {
  const promised = new Promised("no process ends by itself, none writes without syncing");
  promised.looked = 7;
  for (const trouble of rig.troubles) promised.look(trouble);
  return promised;
}

/** What was sent can be read, but for poison; so the hub must never tell that it could not apply anything else. */
function nothingSetAside(rig: Rig, { poisoned }: Obligations): Finding {
  const promised = new Promised("nothing that was sound is set aside");
  for (const { reportId, category, condition, point, id } of rig.calls.north.calls) {
    const isFault =
      isOwn(reportId) && category === "technical" && /^(alarm|receipt|decision)\./.test(point) && !poisoned.has(point);
    promised.look(isFault ? `${id}: ${condition} at ${point}` : undefined);
  }
  return promised;
}

function ownAlarms(rig: Rig): Map<string, number> {
  const found = new Map<string, number>();
  for (const { reportId, category, condition, point } of rig.calls.north.calls) {
    if (!isOwn(reportId)) continue;
    const name = `${category}: ${condition}, ${point}`;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}
