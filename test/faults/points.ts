import type { Patch } from "./patch.ts";

/** A place in the code at which a process can be killed, to the line. */
export interface Point {
  name: string;
  /** Whose process can be killed there. */
  where: "agent" | "hub" | "center";
}

interface PlacedPoint extends Point {
  file: string;
  /** The call goes before or after this line, which stands in the file once. */
  before?: string;
  after?: string;
  /** Wait for a turn of the event loop, so that what was just sent has left the process. */
  isLater?: true;
}

const PLACED: readonly PlacedPoint[] = [
  {
    name: "after the insert",
    where: "agent",
    file: "agent/queue/intake.js",
    after: "this.#insertBody.run(seq, report.account ?? null, report.point, report.reportId ?? null, alarm);",
  },
  {
    name: "after publishing, before the PubAck",
    where: "agent",
    file: "agent/relay/lane-relay.js",
    before: "const ack = await publishing;",
    isLater: true,
  },
  {
    name: "after the PubAck, before it is stored",
    where: "agent",
    file: "agent/relay/lane-relay.js",
    before: "queue.markRelayed(frame, ack);",
  },
  {
    name: "before the position is stored",
    where: "hub",
    file: "hub/intake/apply-alarms.js",
    before: "ledger.positions.set(STREAMS.alarms, lane, positionOf(last.message));",
  },
  {
    name: "after dispatching, before it is noted",
    where: "hub",
    file: "hub/delivery/lane-dispatcher.js",
    before: "this.#inFlight = undefined;",
  },
  {
    name: "after the handler, before its record",
    where: "center",
    file: "shared/center/handler-pool.js",
    after: "const outcome = await this.#options.call(job, attempt);",
  },
  {
    name: "after the record, before the receipt",
    where: "center",
    file: "shared/center/handler-pool.js",
    before: "this.#options.onOutcome(job, outcome);",
  },
  {
    name: "after the receipt, before the message ack",
    where: "center",
    file: "shared/center/receipt-sender.js",
    after: "await this.#publisher.publish(this.#subject, payload, { msgId });",
  },
];

/** The commit is shared by the three stores, so each of the three processes can be killed on either side of it. */
const COMMIT = { before: "before the commit", after: "after the commit, before anything follows from it" } as const;

export const POINTS: readonly Point[] = [
  ...(["agent", "hub", "center"] as const).flatMap((where) =>
    Object.values(COMMIT).map((name) => ({ name, where }) satisfies Point),
  ),
  ...PLACED.map(({ name, where }) => ({ name, where })),
];

/** Puts a call at each point; it does nothing until the point is armed. */
export function pointPatches(): Patch[] {
  return [
    {
      file: "shared/sqlite/group-commit.js",
      search: "jobs.map((job) => job.work())",
      replace: `{ const values = jobs.map((job) => job.work()); ${call(COMMIT.before)}; return values; }`,
    },
    {
      file: "shared/sqlite/group-commit.js",
      search: "        this.#afterCommit?.();\n        jobs.forEach(",
      replace: `        ${call(COMMIT.after)};\n        this.#afterCommit?.();\n        jobs.forEach(`,
    },
    ...PLACED.map(patchOf),
  ];
}

function patchOf({ name, file, before, after, isLater }: PlacedPoint): Patch {
  const here = isLater ? `setImmediate(() => ${call(name)})` : call(name);
  if (before === undefined) return { file, search: after ?? "", replace: `${after} ${here};` };
  // One statement, since the line may be the only one below an `if`; a declaration cannot be part of one.
  return { file, search: before, replace: `${here}${before.startsWith("const ") ? ";" : ","} ${before}` };
}

function call(name: string): string {
  return `globalThis.judgePoint?.(${JSON.stringify(name)})`;
}
