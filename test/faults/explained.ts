import { parseAlarmId, type SeqRange } from "../../shared/alarm/identity.ts";
import type { Call } from "./call-log.ts";

/** Why an agent says that an alarm is gone. */
export type LossReason = "evicted" | "damaged";

/** A run of alarms of one agent and epoch that are said to be gone, both ends included. */
export interface Named {
  /** What its agent has named, or a gap, which the hub tells when nobody has the alarms any more. */
  by: LossReason | "gap";
  agent: string;
  range: SeqRange;
}

/**
 * What the relay itself has named as gone, in alarms that a center has received: a missing alarm is explained if and only
 * if one of them names its number. What is named may have arrived all the same, when the agent could not know it.
 */
export class Explained {
  readonly all: Named[] = [];
  /** What alarms of the relay about itself say. */
  readonly texts: string[] = [];
  readonly #byEpoch = new Map<string, Named[]>();
  /** Agents that have told of a damaged queue whose deliveries could not be read to the end. */
  readonly #forgetful = new Set<string>();

  /** `calls` are those of the center that gets the relay's own alarms. Throws where one of them cannot be read. */
  constructor(calls: readonly Call[]) {
    for (const { id, condition, own } of calls) {
      if (own === undefined) continue;
      const { text = "" } = own;
      this.texts.push(text);
      if (own.code === "queue-damaged" && /not read to the end: .*\bdelivery\b/.test(text)) {
        this.#forgetful.add(parseAlarmId(id)?.agent ?? "");
      }
      if (own.code === "queue-loss") this.#addLosses(id, own.raw ?? "", own.attributes["reason"] as LossReason);
      else if (condition === "gap" && parseAlarmId(id)?.agent === "hub") this.#addGaps(own.raw ?? "");
    }
  }

  /** Why its agent gave an alarm up; undefined if it has not said so. */
  lossOf(id: string): LossReason | undefined {
    const by = this.#of(id).find((named) => named.by !== "gap")?.by;
    return by === "gap" ? undefined : by;
  }

  /** True if the hub has told that nobody has this alarm any more. */
  isGap(id: string): boolean {
    return this.#of(id).some(({ by }) => by === "gap");
  }

  /** True if somebody has named this alarm as gone. */
  names(id: string): boolean {
    return this.#of(id).length > 0;
  }

  /** True if an agent has told that it cannot say of all its older alarms who has received them. */
  hasForgottenDeliveries(agent: string): boolean {
    return this.#forgetful.has(agent);
  }

  /** How many alarms an agent has named as lost with a damaged queue; what it named twice counts twice. */
  damagedOf(agent: string): number {
    return this.all
      .filter((named) => named.by === "damaged" && named.agent === agent)
      .reduce((sum, { range: [, first, last] }) => sum + last - first + 1, 0);
  }

  #of(id: string): Named[] {
    const { agent, epoch, seq = 0 } = parseAlarmId(id) ?? {};
    const named = this.#byEpoch.get(`${agent}.${epoch}`) ?? [];
    return named.filter(({ range: [, first, last] }) => first <= seq && seq <= last);
  }

  #addLosses(id: string, raw: string, by: LossReason): void {
    const agent = parseAlarmId(id)?.agent ?? "";
    for (const range of (JSON.parse(raw) as { lost: SeqRange[] }).lost) this.#add({ by, agent, range });
  }

  /** Each line is one run: `<agent>.<epoch>.<first>-<last>`, or a single number. */
  #addGaps(raw: string): void {
    for (const line of raw.split("\n").filter((text) => text !== "")) {
      const [agent = "", epoch = "", seqs = ""] = line.split(".");
      const [first = Number.NaN, last = first] = seqs.split("-").map(Number);
      this.#add({ by: "gap", agent, range: [epoch, first, last] });
    }
  }

  #add(named: Named): void {
    this.all.push(named);
    const key = `${named.agent}.${named.range[0]}`;
    const others = this.#byEpoch.get(key);
    if (others === undefined) this.#byEpoch.set(key, [named]);
    else others.push(named);
  }
}
