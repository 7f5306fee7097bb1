import type { Mutation } from "./mutations.ts";

/** Defects that show when a store is damaged, its disk is full, or a clock is wrong. */
export const STORE_MUTATIONS: readonly Mutation[] = [
  {
    name: "disk-full-accepts",
    title: "the agent answers 201 although the commit failed",
    patches: [
      {
        file: "agent/queue/writer.js",
        search: "return this.#attempt(() => this.#commit.write(work));",
        replace: `let made;
        return this.#attempt(() => this.#commit.write(() => (made = work())).catch((error) => {
            if (made === undefined) throw error;
            return made;
        }));`,
      },
    ],
    kinds: ["disk-full"],
    minutes: 0.3,
  },
  {
    name: "disk-full-unsaid",
    title: "the hub does not say that it can store nothing",
    patches: [{ file: "hub/core.js", search: "return ledger.store.trouble;", replace: "return undefined;" }],
    kinds: ["disk-full-hub"],
    minutes: 0.2,
  },
  {
    name: "damage-not-told",
    title: "the agent does not tell that its queue was damaged",
    patches: [
      {
        file: "agent/queue/damages.js",
        search: "return this.#untold.get();",
        replace: "return undefined;",
      },
    ],
    kinds: ["bits-flipped-queue"],
    minutes: 1,
  },
  {
    name: "loss-not-told",
    title: "the agent does not name what is lost with a damaged queue",
    patches: [
      {
        file: "agent/queue/losses.js",
        search: "return this.#untold.get() !== undefined;",
        replace: "return false;",
      },
    ],
    kinds: ["bits-flipped-queue"],
    minutes: 1,
  },
  {
    name: "gap-not-told",
    title: "the hub does not tell which alarms never came",
    patches: [
      {
        file: "hub/own/gateway-watch.js",
        search: 'this.#tell("gap", agent, text, rangesOf(agent, holes));',
        replace: "",
      },
    ],
    kinds: ["rows-vanished"],
    minutes: 0.1,
  },
  {
    name: "gap-invented",
    title: "the hub misses alarms that are on their way",
    patches: [
      {
        file: "hub/own/gateway-watch.js",
        search: "return nowMs - atMs >= graceMs + Math.max(0, heard.presence.queue.oldestUnsettledMs);",
        replace: "return true;",
      },
    ],
    kinds: ["latency", "link-slow", "agent-killed-offline"],
    minutes: 1,
  },
  {
    name: "loss-not-marked",
    title: "the hub does not mark what a ledger that was lost may have dispatched",
    patches: [
      {
        file: "hub/intake/lost-ledger.js",
        search: "return isKnown ? undefined :",
        replace: "return true ? undefined :",
      },
    ],
    kinds: ["ledger-restored", "bits-flipped-ledger", "ledger-deleted"],
    minutes: 3,
  },
  {
    name: "clock-trusted",
    title: "what is due by a clock that was turned back waits until that time comes again",
    patches: [
      {
        file: "hub/ledger/outbox.js",
        search: "if (items.length > 0)",
        replace: "if (items !== undefined)",
      },
    ],
    kinds: ["clock-turned-hub"],
    minutes: 3,
  },
  {
    name: "dial-by-wall-clock",
    title: "a link that was cut waits until a clock that was turned back has caught up",
    patches: [
      {
        file: "shared/nats/dial-watch.js",
        search: "this.#timer = setTimeout(this.#onStuck, STUCK_MS).unref();",
        replace: "",
      },
    ],
    kinds: ["clock-turned"],
    minutes: 2,
  },
];
