import { Counter, Gauge, type Registry } from "prom-client";
import { PRIORITIES } from "../../shared/alarm/priority.ts";
import { createRegistry } from "../../shared/http/registry.ts";
import type { Inputs } from "../inputs/create.ts";
import { QUEUE_STAGES, type QueueReader } from "../queue/types.ts";
import type { HealthCheck } from "./health.ts";

/**
 * The agent's metrics. They are part of its interface: names and labels stay. Everything is read when it is asked for,
 * so that accepting a report costs nothing for it.
 */
export function createAgentMetrics(api: {
  reader: QueueReader;
  inputs: Inputs;
  checks: readonly HealthCheck[];
}): Registry {
  const registry = createRegistry();
  const registers = [registry];
  const { reader, inputs, checks } = api;
  new Gauge({
    name: "alarm_agent_queue_rows",
    help: "Alarms in the queue, by priority and by the stage that each has reached",
    labelNames: ["priority", "stage"],
    registers,
    collect() {
      const { rows } = reader.summary();
      for (const priority of PRIORITIES) {
        for (const stage of QUEUE_STAGES) this.set({ priority, stage }, rows[priority][stage]);
      }
    },
  });
  gauge(registry, "alarm_agent_queue_bytes", "Bytes that the queue takes", () => reader.summary().bytes);
  gauge(
    registry,
    "alarm_agent_oldest_unsettled_seconds",
    "Age of the oldest alarm that is not settled",
    () => reader.summary().oldestUnsettledMs / 1_000,
  );
  gauge(registry, "alarm_agent_quarantined", "Payloads in the quarantine", () => reader.summary().quarantined);
  new Gauge({
    name: "alarm_agent_up",
    help: "1 while a part of the agent works: an input, the link to NATS, the hub",
    labelNames: ["part"],
    registers,
    collect() {
      for (const input of inputs.all) this.set({ part: input.name }, input.downReason === undefined ? 1 : 0);
      for (const { name, reason } of checks) this.set({ part: name }, reason() === undefined ? 1 : 0);
    },
  });
  new Counter({
    name: "alarm_agent_evicted_total",
    help: "Alarms that were evicted before they were settled",
    labelNames: ["priority"],
    registers,
    collect() {
      this.reset();
      const { evicted } = reader.summary();
      for (const priority of PRIORITIES) this.inc({ priority }, evicted[priority]);
    },
  });
  new Counter({
    name: "alarm_agent_accepted_total",
    help: "Reports that were accepted",
    labelNames: ["input"],
    registers,
    collect() {
      this.reset();
      for (const [input, count] of inputs.record.acceptedByInput()) this.inc({ input }, count);
    },
  });
  new Counter({
    name: "alarm_agent_refused_total",
    help: "Reports that were not accepted",
    labelNames: ["input", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { input, reason, count } of inputs.record.refusedByReason()) this.inc({ input, reason }, count);
    },
  });
  return registry;
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
