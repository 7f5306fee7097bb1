import type { ClaimedFrame } from "../../../agent/queue/claims.ts";
import { Queue, type QueueOptions } from "../../../agent/queue/queue.ts";
import type { Lane } from "../../../shared/alarm/priority.ts";
import type { Report } from "../../../shared/alarm/report.ts";
import type { Change } from "../../../shared/wire/change.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

export const LIMITS = { rowsMax: 100_000, bytesMax: 2 ** 30, criticalReserve: 0.1, keepConfirmedMs: 7 * 86_400_000 };

/** A queue in a folder of the test; closed when the test is over. */
export function openQueue(options: Partial<QueueOptions> = {}): Queue {
  const queue = new Queue({
    dataDir: options.dataDir ?? tempDir("queue"),
    agent: "gw-1",
    custody: "center",
    log: silentLog(),
    ...options,
    limits: { ...LIMITS, ...options.limits },
  });
  whenTestFinished(() => queue.close());
  return queue;
}

/** A report of low priority, unless `fields` say otherwise. */
export function report(fields: Partial<Report> = {}): Report {
  return { point: "zone-1", category: "other", ...fields };
}

export function reports(count: number, fields: Partial<Report> = {}): Report[] {
  return Array.from({ length: count }, () => report(fields));
}

/** Accepts one report and returns the id of its alarm. */
export async function acceptOne(queue: Queue, fields: Partial<Report> = {}): Promise<string> {
  const [acceptance] = await queue.accept([report(fields)], { input: "test" });
  if (acceptance === undefined || acceptance.kind === "unchanged") throw new Error("it was not accepted");
  return acceptance.id;
}

export function seqOf(id: string): number {
  return Number(id.split(".")[2]);
}

/** Every frame of a lane that can be claimed now. */
export function claimAll(queue: Queue, lane: Lane): ClaimedFrame[] {
  const frames: ClaimedFrame[] = [];
  while (queue.isWaiting(lane)) {
    const frame = queue.claim(lane);
    if (frame !== undefined) frames.push(frame);
  }
  return frames;
}

/** Plays the hub: numbers changes from 1 under one ledger. */
export function changer(queue: Queue, ledger = "ledger-1") {
  let n = 0;
  const next = (change: Omit<Change, "n" | "at"> & { at?: string }): Change => ({
    n: ++n,
    at: "2026-03-01T12:00:00.000Z",
    ...change,
  });
  return {
    next,
    /** Applies one change, as an answer to the agent's question. */
    async tell(change: Omit<Change, "n" | "at"> & { at?: string }): Promise<void> {
      await queue.applyReply({ ledger, run: "run-1", changes: [next(change)], more: false }, n - 1);
    },
  };
}
