import { formatTime } from "../../shared/alarm/time.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { VERSION } from "../../shared/runtime/version.ts";
import type { AgentConfig } from "../config.ts";
import type { Inputs } from "../inputs/create.ts";
import type { QueueReader } from "../queue/types.ts";

/** Something that has to work for alarms to get through. */
export interface HealthCheck {
  name: string;
  /** Why it does not work now, in words; undefined while it does. */
  reason: () => string | undefined;
  /** No report can be taken while it does not work. */
  isNeededToTakeReports?: boolean;
}

interface Finding {
  name: string;
  ok: boolean;
  reason?: string;
}

/** A queue whose oldest alarm waits longer than this is not getting its alarms through. */
const UNSETTLED_MS_MAX = 60_000;

/**
 * `/readyz`: reports are taken. `/healthz`: alarms get through, judged by the age of what is not settled, since a link
 * that is up proves nothing. `/v1/status`: both in words, for `alarm-agent status`.
 */
export function addHealthRoutes(
  app: HttpServer,
  api: {
    config: Pick<AgentConfig, "agent" | "custody">;
    reader: QueueReader;
    inputs: Inputs;
    checks: readonly HealthCheck[];
  },
): void {
  const startedAt = formatTime(Date.now());
  const needed = api.checks.filter((check) => check.isNeededToTakeReports);
  const notReady = (): string | undefined => {
    for (const check of needed) {
      const why = check.reason();
      if (why !== undefined) return why;
    }
    const reason = api.inputs.record.refusalReason;
    return reason === undefined ? undefined : `the last report was refused: ${reason}`;
  };
  const checks: readonly HealthCheck[] = [
    { name: "queue", reason: notReady },
    { name: "delivery", reason: () => waitingReason(api.reader.summary().oldestUnsettledMs) },
    ...api.checks,
    ...api.inputs.all.map((input) => ({ name: input.name, reason: () => input.downReason })),
  ];
  app.get("/readyz", (_request, reply) => {
    const reason = notReady();
    return reply
      .code(reason === undefined ? 200 : 503)
      .send(reason === undefined ? { status: "ok" } : { status: "refusing", reason });
  });
  app.get("/healthz", (_request, reply) => {
    const findings = checks.map(find);
    const ok = findings.every((finding) => finding.ok);
    return reply.code(ok ? 200 : 503).send({ status: ok ? "ok" : "failing", checks: findings });
  });
  app.get("/v1/status", () => ({
    agent: api.config.agent,
    version: VERSION,
    startedAt,
    custody: api.config.custody,
    checks: checks.map(find),
    queue: api.reader.summary(),
  }));
}

function find({ name, reason }: HealthCheck): Finding {
  const why = reason();
  return why === undefined ? { name, ok: true } : { name, ok: false, reason: why };
}

function waitingReason(oldestUnsettledMs: number): string | undefined {
  if (oldestUnsettledMs <= UNSETTLED_MS_MAX) return undefined;
  return `the oldest alarm has waited for ${Math.round(oldestUnsettledMs / 1_000)} s`;
}
