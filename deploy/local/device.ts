import type { Report } from "../../shared/alarm/report.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { Loop } from "../../shared/runtime/loop.ts";

// A small alarm panel that is not there: it raises and clears the alarms of a few points, by HTTP as any device would.

const EVERY_MS = 3_000;

interface Point {
  /** How often it is this one that something happens to. */
  weight: number;
  report: Report;
}

const POINTS: readonly Point[] = [
  {
    weight: 5,
    report: { account: "1001", area: "shop", point: "front-door", category: "intrusion", text: "Front door" },
  },
  {
    weight: 4,
    report: { account: "1001", area: "stock", point: "stock-motion", category: "intrusion", text: "Motion" },
  },
  { weight: 2, report: { account: "1002", area: "kitchen", point: "kitchen-smoke", category: "fire", text: "Smoke" } },
  {
    weight: 1,
    report: { account: "1002", area: "cellar", point: "boiler-gas", category: "gas", text: "Gas detected" },
  },
  { weight: 1, report: { account: "1001", area: "shop", point: "till", category: "hold-up", text: "Hold-up button" } },
  { weight: 1, report: { account: "1001", area: "shop", point: "keypad", category: "tamper", text: "Cover open" } },
  {
    weight: 3,
    report: { account: "1003", area: "store", point: "cold-room", category: "environment", text: "Above 8 °C" },
  },
  { weight: 2, report: { account: "1003", area: "store", point: "mains", category: "technical", text: "Power lost" } },
];

/** Marks what the simulated device reports, so that the centers acknowledge nothing else by themselves. */
export const SIMULATED = "simulated";

/** Reports something to the agent every few seconds, and keeps a report until the agent has accepted it. */
export class SimulatedDevice {
  readonly #url: string;
  readonly #random: () => number;
  readonly #raised = new Set<Point>();
  readonly #startedAtMs = Date.now();
  readonly #loop: Loop;
  #count = 0;
  #unsent: Report | undefined;

  constructor(options: { agentUrl: string; log: Logger; random?: () => number }) {
    this.#url = `${options.agentUrl}/v1/alarms`;
    this.#random = options.random ?? Math.random;
    this.#loop = new Loop((signal) => this.#step(signal), {
      name: "simulated device",
      log: options.log,
      idleMs: EVERY_MS,
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #step(signal: AbortSignal): Promise<"idle"> {
    this.#unsent ??= this.#next();
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.#unsent),
      signal,
    });
    const answer = await response.text();
    if (!response.ok) throw new RelayError("not_connected", `the agent answered ${response.status}: ${answer}`);
    this.#unsent = undefined;
    return "idle";
  }

  /** What happens next: a point that is raised clears, another one raises. */
  #next(): Report {
    const point = this.#pick();
    const event = this.#raised.has(point) ? "cleared" : "raised";
    if (event === "raised") this.#raised.add(point);
    else this.#raised.delete(point);
    return {
      ...point.report,
      event,
      occurredAt: new Date().toISOString(),
      reportId: `${this.#startedAtMs}-${++this.#count}`,
      attributes: { [SIMULATED]: true },
    };
  }

  #pick(): Point {
    const total = POINTS.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random() * total;
    for (const point of POINTS) {
      left -= point.weight;
      if (left < 0) return point;
    }
    return POINTS[0] as Point;
  }
}
