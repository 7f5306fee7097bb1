import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { Alarm } from "../../shared/alarm/alarm.ts";
import { steadyNowMs } from "./clock.ts";
import type { CallOutcome } from "./misbehavior.ts";
import { digestOf, isOwn } from "./reports.ts";

/** One call of a center's handler, as its log has it. */
export interface Call {
  id: string;
  attempt: number;
  /** It was marked as one that comes again after a loss. */
  relayedAgain: boolean;
  lane: string;
  category: string;
  condition: string;
  point: string;
  reportId: string;
  digest: string;
  outcome: CallOutcome;
  /** What an alarm of the relay about itself says. */
  own?: OwnWords;
  /** By the clock of this machine, which all processes share and no fault turns. */
  atMs: number;
}

/** The parts of an own alarm that say what it is about. */
interface OwnWords {
  code?: string;
  text?: string;
  raw?: string;
  attributes: Readonly<Record<string, unknown>>;
}

export function callLine({
  alarm,
  attempt,
  relayedAgain,
  outcome = "received",
}: {
  alarm: Readonly<Alarm>;
  attempt: number;
  relayedAgain: boolean;
  outcome?: CallOutcome;
}): string {
  const { id, agent, priority, category, condition, point, reportId = "" } = alarm;
  const lane = `${agent} ${priority}`;
  const call: Call = {
    id,
    attempt,
    relayedAgain,
    lane,
    category,
    condition,
    point,
    reportId,
    digest: digestOf(alarm),
    outcome,
    ...(isOwn(reportId) ? { own: ownWords(alarm) } : {}),
    atMs: steadyNowMs(),
  };
  return `${JSON.stringify(call)}\n`;
}

function ownWords({ code, text, raw, attributes = {} }: Readonly<Alarm>): OwnWords {
  return {
    ...(code === undefined ? {} : { code }),
    ...(text === undefined ? {} : { text }),
    ...(raw === undefined ? {} : { raw }),
    attributes,
  };
}

const CHUNK_BYTES = 1 << 20;

/** Reads the calls that a center has written down since the last look. */
export class CallLog {
  readonly calls: Call[] = [];
  /** The alarms that it has taken custody of. */
  readonly ids = new Set<string>();
  /** Those that it has refused. */
  readonly refused = new Set<string>();
  readonly idOfReport = new Map<string, string>();
  readonly #path: string;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads on; returns how many calls are new. */
  read(): number {
    if (!existsSync(this.#path)) return 0;
    const before = this.calls.length;
    const file = openSync(this.#path, "r");
    try {
      for (;;) {
        const bytes = readSync(file, this.#chunk, 0, CHUNK_BYTES, this.#offset);
        if (bytes === 0) break;
        this.#offset += bytes;
        this.#take(this.#chunk.subarray(0, bytes));
      }
    } finally {
      closeSync(file);
    }
    return this.calls.length - before;
  }

  #take(bytes: Buffer): void {
    const all = Buffer.concat([this.#rest, bytes]);
    const end = all.lastIndexOf("\n");
    for (const line of all.subarray(0, Math.max(0, end)).toString("utf8").split("\n")) {
      if (line === "") continue;
      const call = JSON.parse(line) as Call;
      this.calls.push(call);
      if (call.outcome === "received") this.ids.add(call.id);
      if (call.outcome === "rejected") this.refused.add(call.id);
      this.idOfReport.set(call.reportId, call.id);
    }
    this.#rest = Buffer.from(all.subarray(end + 1));
  }
}
