import type { Mutation } from "./mutations.ts";

/** Defects where the relay meets others: at the inputs, at the limits of a queue, in handlers, in what it reads. */
export const BOUNDARY_MUTATIONS: readonly Mutation[] = [
  {
    name: "puback-before-commit",
    title: "the agent answers an MQTT message before its alarms are committed",
    patches: [
      { file: "agent/inputs/mqtt/ack-window.js", search: "            await stored;\n", replace: "" },
      {
        file: "agent/inputs/mqtt/receiver.js",
        search: "    async #store(mapping, topic, reports, payload) {\n",
        replace:
          "    async #store(mapping, topic, reports, payload) {\n        await new Promise((resolve) => setTimeout(resolve, 300));\n",
      },
    ],
    kinds: ["mqtt-agent-killed"],
    minutes: 0.5,
  },
  {
    name: "mqtt-clean-session",
    title: "the agent begins a new MQTT session at each connection",
    patches: [{ file: "agent/inputs/mqtt/connection.js", search: "clean: false,", replace: "clean: true," }],
    kinds: ["mqtt-agent-killed"],
    minutes: 0.5,
  },
  {
    name: "poison-blocks",
    title: "the hub stops at a message that it cannot read",
    patches: [
      {
        file: "hub/intake/apply-alarms.js",
        search: "    const sender = parseAlarmSubject(message.subject);\n    return {",
        replace:
          "    const sender = parseAlarmSubject(message.subject);\n    JSON.parse(message.payload).length.toFixed();\n    return {",
      },
    ],
    kinds: ["poison"],
    minutes: 0.1,
  },
  {
    name: "poison-not-told",
    title: "the hub passes in silence over what it cannot read",
    patches: [{ file: "hub/ledger/faults.js", search: "        this.#tell(fault, atMs);\n", replace: "" }],
    kinds: ["poison"],
    minutes: 0.1,
  },
  {
    name: "poison-takes-all",
    title: "the hub drops a frame with one alarm that it cannot read",
    patches: [
      {
        file: "shared/wire/frame.js",
        search: "    return frame;\n}\n",
        replace: "    if (frame.faults.length > 0) frame.alarms.length = 0;\n    return frame;\n}\n",
      },
    ],
    kinds: ["poison"],
    minutes: 0.1,
  },
  {
    name: "eviction-not-told",
    title: "the agent does not note what it evicts",
    patches: [
      {
        file: "agent/queue/room.js",
        search: "this.#losses.addEvicted(lane, gone.seqs);",
        replace: "",
      },
    ],
    kinds: ["evicted"],
    minutes: 0.1,
  },
  {
    name: "evict-critical",
    title: "the agent evicts what is as urgent as the newcomer",
    patches: [
      {
        file: "agent/queue/room.js",
        search: "if (lane <= need.lane)",
        replace: "if (lane < need.lane)",
      },
      { file: "agent/queue/room.js", search: "if (lane > need.lane)", replace: "if (lane >= need.lane)" },
    ],
    kinds: ["evicted"],
    minutes: 0.1,
  },
  {
    name: "failed-given-up",
    title: "the hub does not try a failed delivery again",
    patches: [
      {
        file: "hub/ledger/deliveries.js",
        search: "this.#statements.ended.run(state, reason, Date.now() + retryDelayMs(row.attempt), ...key);",
        replace: "this.#statements.ended.run(state, reason, Date.now() + 1e12, ...key);",
      },
    ],
    kinds: ["handler-fails"],
    minutes: 0.1,
  },
  {
    name: "failed-at-once",
    title: "the hub tries a failed delivery again without waiting",
    patches: [
      {
        file: "hub/delivery/state.js",
        search: "return Math.min(RETRY_MS_MAX,",
        replace: "return 0 * Math.min(RETRY_MS_MAX,",
      },
    ],
    kinds: ["handler-fails"],
    minutes: 0.1,
  },
  {
    name: "rejected-silently",
    title: "the hub tells nobody that a center has refused an alarm",
    patches: [
      {
        file: "hub/ledger/deliveries.js",
        search: 'if (event === "rejected" || event === "killed")',
        replace: 'if (event === "killed")',
      },
    ],
    kinds: ["handler-fails"],
    minutes: 0.1,
  },
  {
    name: "dead-server-forgotten",
    title: "an agent strikes a server that was dead at its first connect from its list",
    patches: [{ file: "shared/nats/target.js", search: "return [...order, ...order];", replace: "return order;" }],
    kinds: ["server-list"],
    minutes: 1.5,
  },
];
