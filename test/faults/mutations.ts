import { BOUNDARY_MUTATIONS } from "./boundary-mutations.ts";
import type { Patch } from "./patch.ts";
import { STORE_MUTATIONS } from "./store-mutations.ts";

/** A defect that is put into the copy, to see that the judge would find it. */
export interface Mutation {
  name: string;
  /** What the product then does wrong. */
  title: string;
  patches: readonly Patch[];
  /** The kinds of faults that reveal it. */
  kinds: readonly string[];
  minutes: number;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "ack-before-commit",
    title: "the agent answers a report before its alarm is committed",
    patches: [
      {
        file: "shared/sqlite/group-commit.js",
        search: "this.#run = (jobs) => transaction.immediate(jobs);",
        replace: `this.#run = (jobs) => {
            if (!db.name.endsWith("queue.db")) return transaction.immediate(jobs);
            if (!db.inTransaction) {
                db.exec("BEGIN IMMEDIATE");
                setTimeout(() => { if (db.open && db.inTransaction) db.exec("COMMIT"); }, 500);
            }
            return jobs.map((job) => job.work());
        };`,
      },
    ],
    kinds: ["agent-killed-offline"],
    minutes: 1,
  },
  {
    name: "release-on-puback",
    title: "the agent lets go of an alarm once JetStream has it",
    patches: [
      {
        file: "agent/queue/sweeps.js",
        search: "export function sweepLost(parts, followed, streamId) {",
        replace: `export function sweepLost(parts, followed, streamId) {
    parts.claims.sweep = () => undefined;`,
      },
      {
        file: "agent/queue/stages.js",
        search: `"UPDATE alarm INDEXED BY alarm_lane SET stage = 1, relayed_at = ?, "`,
        replace: `"UPDATE alarm INDEXED BY alarm_lane SET stage = 3, settled_at = 1, relayed_at = ?, "`,
      },
    ],
    kinds: ["store-wiped-behind-hub"],
    minutes: 0.5,
  },
  {
    name: "no-relay-again",
    title: "the agent does not relay again what is lost",
    patches: [
      { file: "agent/relay/custody.js", search: "await queue.relayLost(reply.followed);", replace: "queue.relayLost;" },
    ],
    kinds: ["store-wiped-behind-hub"],
    minutes: 0.5,
  },
  {
    name: "no-dedup",
    title: "a center hands a known alarm to its handler again",
    patches: [
      {
        file: "shared/center/intake.js",
        search: "if (record.outcome !== undefined && answers(record.outcome, attempt))",
        replace: "if (false)",
      },
    ],
    kinds: ["store-restored", "nats-killed"],
    minutes: 1,
  },
  {
    name: "no-dedup-at-hub",
    title: "the hub takes an alarm that it has seen for a new one",
    patches: [
      {
        file: "hub/ledger/seen.js",
        search: "return range !== undefined && seq <= range.last;",
        replace: "return false;",
      },
    ],
    kinds: ["store-restored", "nats-killed", "point-agent"],
    minutes: 0.3,
  },
  {
    name: "trust-position",
    title: "the hub reads on from its position in a stream that is another one",
    patches: [
      {
        file: "hub/intake/check-position.js",
        search: "if (position.streamCreatedAt !== state.createdAt)",
        replace: "if (position.seq >= 0) return { position };\n    if (position.streamCreatedAt !== state.createdAt)",
      },
    ],
    kinds: ["store-restored-behind-hub"],
    minutes: 0.5,
  },
  {
    name: "reuse-epoch",
    title: "an agent goes on with the epoch that its file has",
    patches: [
      {
        file: "agent/queue/epochs.js",
        search: "const begin = db.transaction(() => {",
        replace:
          'const begin = db.transaction(() => {\n            if (db.prepare("SELECT 1 FROM epoch").get() !== undefined) return;',
      },
    ],
    kinds: ["queue-restored"],
    minutes: 1,
  },
  {
    name: "sync-off",
    title: "commits are not synced",
    patches: [{ file: "shared/sqlite/open.js", search: '["synchronous", 2]', replace: '["synchronous", 0]' }],
    kinds: ["agent-killed"],
    minutes: 0.2,
  },
  {
    name: "window-unbounded",
    title: "the hub dispatches to a dead center without end",
    patches: [
      {
        file: "hub/delivery/window.js",
        search: "return oldest !== undefined && this.#ordinal + 1 - oldest.ordinal >= WINDOW_FRAMES_MAX;",
        replace: "return false;",
      },
    ],
    kinds: ["center-off"],
    minutes: 0.5,
  },
  {
    name: "no-dispatch-again",
    title: "the hub does not look for deliveries whose frames are gone",
    patches: [
      {
        file: "hub/delivery/audit.js",
        search: "await this.#dispatchAgain(outlet, gone);",
        replace: "",
      },
    ],
    kinds: ["store-wiped-under-window"],
    minutes: 0.5,
  },
  {
    name: "receipt-before-handler",
    title: "a center says received before its handler has had the alarm",
    patches: [
      {
        file: "shared/center/handler-pool.js",
        search: "const outcome = await this.#options.call(job, attempt);",
        replace: `const early = { kind: "received", reason: undefined, deliveredAttempt: 1 };
        this.#unfinished++;
        this.#keep({ job, outcome: early });
        await new Promise((resolve) => setTimeout(resolve, 50));
        const outcome = await this.#options.call(job, attempt);`,
      },
    ],
    kinds: ["center-killed"],
    minutes: 1,
  },
  {
    name: "other-order",
    title: "an agent relays the newest alarms first",
    patches: [
      {
        file: "agent/relay/lane-relay.js",
        search: "payload: encodeFrame(frame.alarms)",
        replace: "payload: encodeFrame([...frame.alarms].reverse())",
      },
    ],
    kinds: ["agent-killed-offline"],
    minutes: 0.5,
  },
  {
    name: "other-contents",
    title: "the hub hands out an alarm with another text",
    patches: [
      {
        file: "hub/ledger/hold.js",
        search: '"heldAt":"',
        replace: '"text":"something else","heldAt":"',
      },
    ],
    kinds: ["hub-restarted"],
    minutes: 0.2,
  },
  ...BOUNDARY_MUTATIONS,
  ...STORE_MUTATIONS,
];
