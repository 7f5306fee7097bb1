import type { Report } from "../../shared/alarm/report.ts";
import { REFUSED_PREFIX } from "./misbehavior.ts";
import type { Poisoned } from "./poisoned.ts";
import { digestOf } from "./reports.ts";
import type { AgentName } from "./settings.ts";

/** A report that was answered with an id: it must arrive. */
export interface Obligation {
  id: string;
  reportId: string;
  category: string;
  digest: string;
  /** Every center refuses it. */
  isRefused: boolean;
}

/** All that was handed over, and all that was answered. */
export class Obligations {
  readonly byId = new Map<string, Obligation>();
  /** Every report that was ever sent, answered or not, with its digest. */
  readonly sent = new Map<string, string>();
  /** What was accepted while nothing could leave its agent: named as lost, it cannot have arrived. */
  readonly shutIn = new Set<string>();
  /** What the judge has published that cannot be read, by subject. */
  readonly poisoned = new Map<string, Poisoned>();
  /** What an MQTT broker took for an agent, by reportId, until the agent's id for it is found. */
  readonly #handedOver = new Map<string, { agent: AgentName; report: Report }>();
  readonly #foundOf = new Map<AgentName, number>();
  readonly #idByReport = new Map<string, string>();
  /** What is wrong with the answers themselves. */
  readonly faults: string[] = [];
  /** How many reports were answered only after they had been sent more than once. */
  repeats = 0;
  /** How many answers said that a report was not accepted. */
  refusals = 0;

  sending(reports: readonly Report[]): void {
    for (const report of reports) {
      const { reportId = "" } = report;
      if (this.sent.has(reportId)) this.repeats += 1;
      this.sent.set(reportId, digestOf(report));
    }
  }

  /** A report was not accepted; the answer has to say why. */
  refused(status: number, error: { code?: string; message?: string } | undefined): void {
    this.refusals += 1;
    if (error?.code === undefined || error.message === undefined || error.message === "") {
      this.faults.push(`a report was refused with ${status}, and not in words`);
    } else if (status !== 503) this.faults.push(`a sound report was refused with ${status}: ${error.message}`);
  }

  accepted(report: Report, id: string): void {
    const { reportId = "", category, point } = report;
    const before = this.byId.get(id);
    if (before !== undefined && before.reportId !== reportId) {
      this.faults.push(`the id ${id} was given to ${before.reportId} and to ${reportId}`);
      return;
    }
    const isRefused = point.startsWith(REFUSED_PREFIX);
    this.byId.set(id, { id, reportId, category, digest: digestOf(report), isRefused });
    this.#idByReport.set(reportId, id);
  }

  /** So many faults are to be told of this subject. */
  poison(subject: string, faults: number, ledger: string): void {
    const before = this.poisoned.get(subject);
    const isOpen = before?.ledger === ledger;
    const sinceMs = isOpen ? before.sinceMs : Date.now();
    this.poisoned.set(subject, { faults: faults + (isOpen ? before.faults : 0), sinceMs, ledger });
  }

  /** The broker has answered it with a PUBACK. */
  handedOver(agent: AgentName, report: Report): void {
    this.#handedOver.set(report.reportId ?? "", { agent, report });
  }

  /** The reportIds of what the broker took for an agent and of which no id is known yet. */
  handedOverTo(agent: AgentName): string[] {
    return [...this.#handedOver].filter(([, one]) => one.agent === agent).map(([reportId]) => reportId);
  }

  /** The agent has accepted it under this id. */
  found(reportId: string, id: string): void {
    const one = this.#handedOver.get(reportId);
    if (one === undefined) return;
    this.#handedOver.delete(reportId);
    this.#foundOf.set(one.agent, this.foundOf(one.agent) + 1);
    this.accepted(one.report, id);
  }

  /** How many reports that the broker took for an agent were found there. */
  foundOf(agent: AgentName): number {
    return this.#foundOf.get(agent) ?? 0;
  }

  idOf(reportId: string): string | undefined {
    return this.#idByReport.get(reportId);
  }
}
