import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type Lane, PRIORITIES, priorityOf } from "../shared/alarm/priority.ts";
import { createRegistry } from "../shared/http/registry.ts";
import { countAgents, type HubStatus } from "./api/status.ts";
import type { LedgerReader } from "./ledger/read/reader.ts";

/**
 * The hub's metrics. Their names and labels are part of its interface. No label takes values from alarms (accounts,
 * points, texts): their number would have no bound.
 */
export interface HubMetrics {
  readonly registry: Registry;
  /** Alarms that came to be held. */
  held(lane: Lane, alarms: number): void;
  /** A center took over, `sinceAcceptedMs` after the agent had accepted the alarm; two clocks are compared. */
  received(lane: Lane, sinceAcceptedMs: number): void;
  /** Deliveries given up or refused. */
  dead(center: string, reason: DeadReason, deliveries: number): void;
  /** Messages, or parts of them, that lay in a log and could not be read. */
  faults(log: string, faults: number): void;
}

/** Why a delivery ended without reception; the center's own words are kept with the delivery, not here. */
type DeadReason = "rejected" | "removed";

/** From a good millisecond on one machine to an hour behind a broken link. */
const RECEIVE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600];

export function createHubMetrics(): HubMetrics {
  const registry = createRegistry();
  const registers = [registry];
  const held = new Counter({
    name: "alarm_hub_held_total",
    help: "Alarms that came to be held",
    labelNames: ["priority"],
    registers,
  });
  const received = new Histogram({
    name: "alarm_hub_receive_seconds",
    help: "From accepted at the gateway to received by a center",
    labelNames: ["priority"],
    buckets: RECEIVE_SECONDS,
    registers,
  });
  const dead = new Counter({
    name: "alarm_hub_dead_total",
    help: "Deliveries that were given up or refused",
    labelNames: ["center", "reason"],
    registers,
  });
  const faults = new Counter({
    name: "alarm_hub_faults_total",
    help: "What lay in a log and could not be read",
    labelNames: ["log"],
    registers,
  });
  // Observed for every delivery: looking the labels up each time would cost as much as the rest of it.
  const receivedByLane = PRIORITIES.map((priority) => received.labels({ priority }));
  return {
    registry,
    held: (lane, alarms) => held.inc({ priority: priorityOf(lane) }, alarms),
    // A gateway whose clock is ahead has its alarms received before they were accepted.
    received: (lane, ms) => receivedByLane[lane]?.observe(Math.max(0, ms / 1_000)),
    dead: (center, reason, deliveries) => dead.inc({ center, reason }, deliveries),
    faults: (log, count) => faults.inc({ log }, count),
  };
}

/** Adds what is counted only when somebody asks: backlogs, agents, links. */
export function addGauges(registry: Registry, parts: { reader: LedgerReader; status: HubStatus }): void {
  addCenterGauges(registry, parts.reader, parts.status);
  addAgentGauge(registry, parts.reader, parts.status);
  new Gauge({
    name: "alarm_hub_alarms_open",
    help: "Alarms that are not closed",
    registers: [registry],
    collect() {
      this.set(parts.reader.openAlarms());
    },
  });
  new Gauge({
    name: "alarm_hub_link_up",
    help: "1 while the hub is connected to NATS",
    registers: [registry],
    collect() {
      this.set(parts.status.linkDownReason === undefined ? 1 : 0);
    },
  });
  new Gauge({
    name: "alarm_hub_caught_up",
    help: "1 once the logs are followed to their end",
    registers: [registry],
    collect() {
      this.set(parts.status.caughtUp ? 1 : 0);
    },
  });
}

function addCenterGauges(registry: Registry, reader: LedgerReader, status: HubStatus): void {
  const oldest = new Gauge({
    name: "alarm_hub_delivery_oldest_seconds",
    help: "Age of the oldest delivery that a center has not answered, since it was held; 0 without any",
    labelNames: ["center"],
    registers: [registry],
  });
  const listening = new Gauge({
    name: "alarm_hub_center_listening",
    help: "1 while somebody listens as that center",
    labelNames: ["center"],
    registers: [registry],
  });
  new Gauge({
    name: "alarm_hub_deliveries_open",
    help: "Deliveries that a center has not answered",
    labelNames: ["center", "priority"],
    registers: [registry],
    collect() {
      // Centers come and go with the configuration.
      for (const gauge of [this, oldest, listening]) gauge.reset();
      for (const { id } of status.centers) {
        const { open, oldestHeldAt } = reader.backlog(id);
        for (const priority of PRIORITIES) this.set({ center: id, priority }, open[priority]);
        const ageMs = oldestHeldAt === undefined ? 0 : Date.now() - Date.parse(oldestHeldAt);
        oldest.set({ center: id }, Math.max(0, ageMs / 1_000));
        listening.set({ center: id }, status.listening.has(id) ? 1 : 0);
      }
    },
  });
}

function addAgentGauge(registry: Registry, reader: LedgerReader, status: HubStatus): void {
  new Gauge({
    name: "alarm_hub_agents",
    help: "Agents by what is heard of them",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const counts = countAgents(status, reader.agentCount(), Date.now());
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
}
