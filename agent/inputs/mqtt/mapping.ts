import type { Report } from "../../../shared/alarm/report.ts";
import { RelayError } from "../../../shared/runtime/errors.ts";
import { parseJson } from "../../../shared/schema/json.ts";
import type { Subscription } from "../../config.ts";
import { type ReportDefaults, readReport, reasonOf } from "../intake.ts";
import { compileExpression, type Evaluate } from "./expression.ts";
import { fieldsOfTopic } from "./topic.ts";

/** What a message holds: its good reports, and the rest of it. */
export interface Mapped {
  reports: Report[];
  /** Undefined if everything in the message could be read. */
  unreadable?: Unreadable;
}

/** What of a message is no report, so that reading it again repeats nothing of what could be read. */
export interface Unreadable {
  reason: string;
  payload: Uint8Array;
  /** Only what comes out at these places of the payload is meant; undefined for all of it. */
  places?: readonly number[];
}

/** Makes reports of the messages of one subscription: payload, then JSONata, then the topic's levels, then defaults. */
export class Mapping {
  readonly subscription: Subscription;
  readonly #defaults: ReportDefaults;
  readonly #evaluate: Evaluate | undefined;

  /** The expression has been checked with the configuration. */
  constructor(subscription: Subscription, defaults: ReportDefaults) {
    this.subscription = subscription;
    this.#defaults = defaults;
    this.#evaluate = subscription.report === undefined ? undefined : compileExpression(subscription.report);
  }

  /** Reads a message, or only some places of the list that it is. Never throws for what a device can send. */
  async read(topic: string, payload: Uint8Array, places?: readonly number[]): Promise<Mapped> {
    let found: unknown;
    try {
      found = await this.#find(topic, payload);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return { reports: [], unreadable: { reason: reasonOf(error), payload, ...(places && { places }) } };
    }
    const { levels } = this.subscription;
    const defaults = levels === undefined ? this.#defaults : { ...this.#defaults, ...fieldsOfTopic(levels, topic) };
    const { reports, faults } = readAll(found, defaults, places);
    return faults.length === 0 ? { reports } : { reports, unreadable: this.#rest(payload, reports, faults) };
  }

  /**
   * What to keep of a message that could be read in part: without an expression the items themselves. What an expression
   * made of the payload cannot be read again by a better one, so the payload is kept, and the places in its result.
   */
  #rest(payload: Uint8Array, reports: readonly Report[], faults: readonly Fault[]): Unreadable {
    const reason = faults.map((fault) => fault.reason).join("; ");
    if (reports.length === 0) return { reason, payload };
    if (this.#evaluate !== undefined) return { reason, payload, places: faults.map(({ place }) => place) };
    return { reason, payload: Buffer.from(JSON.stringify(faults.map(({ item }) => item))) };
  }

  async #find(topic: string, payload: Uint8Array): Promise<unknown> {
    const data = this.subscription.payload === "text" ? readText(payload) : parseJson(payload, "the payload");
    if (this.#evaluate === undefined) return typeof data === "string" ? { text: data } : data;
    try {
      return await this.#evaluate(data, topic.split("/"));
    } catch (cause) {
      throw new RelayError("invalid_report", `the report expression failed: ${(cause as Error).message}`, { cause });
    }
  }
}

/** An item of a list that is no report. */
interface Fault {
  place: number;
  item: unknown;
  reason: string;
}

function readAll(
  found: unknown,
  defaults: ReportDefaults,
  places: readonly number[] | undefined,
): { reports: Report[]; faults: Fault[] } {
  const reports: Report[] = [];
  const faults: Fault[] = [];
  // No result of the expression: the message is not a report, and that is no mistake.
  const items: unknown[] = found === undefined || found === null ? [] : [found].flat();
  for (const [place, item] of items.entries()) {
    if (places?.includes(place) === false) continue;
    try {
      reports.push(readReport(item, defaults, Array.isArray(found) ? `/${place}` : ""));
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      faults.push({ place, item, reason: reasonOf(error) });
    }
  }
  return { reports, faults };
}

function readText(payload: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (cause) {
    throw new RelayError("invalid_report", "the payload is not valid UTF-8", { cause });
  }
}
