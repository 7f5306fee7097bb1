import { formatTime } from "../../shared/alarm/time.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { VERSION } from "../../shared/runtime/version.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { type CenterView, centerView } from "./party-routes.ts";
import { type AgentState, countAgents, type HubStatus } from "./status.ts";

/** A center that has not answered its oldest delivery for longer than this does not get its alarms. */
const UNANSWERED_MS_MAX = 60_000;

/** What `alarm-hub status` shows. */
export interface StatusAnswer extends Health {
  version: string;
  startedAt: string;
  alarmsOpen: number;
  agents: Record<AgentState, number>;
  centers: CenterView[];
}

interface Health {
  status: "ok" | "failing";
  /** Why alarms do not get through, in words. */
  reasons: string[];
}

/**
 * `/readyz`: the hub takes alarms from its logs. `/healthz`: alarms get through to every center, judged by the age of
 * what is not answered, since a connection that is up proves nothing. Both say why not, in words.
 */
export function addHealthRoutes(app: HttpServer, parts: { reader: LedgerReader; status: HubStatus }): void {
  const { reader, status } = parts;
  const answer = { type: "object", properties: { status: { type: "string" }, reasons: { type: "array" } } };
  const schema = (summary: string) => ({ schema: { summary, response: { 200: answer, 503: answer } } });
  app.get("/readyz", schema("Whether the hub takes alarms"), (_request, reply) => {
    const reasons = notReady(status);
    return reply.code(reasons.length === 0 ? 200 : 503).send(healthOf(reasons));
  });
  const health = (): Health => healthOf([...notReady(status), ...waitingCenters(reader, status)]);
  app.get("/healthz", schema("Whether alarms get through"), (_request, reply) => {
    const found = health();
    return reply.code(found.status === "ok" ? 200 : 503).send(found);
  });
  const startedAt = formatTime(Date.now());
  app.get(
    "/v1/status",
    { schema: { summary: "The hub at a glance", response: { 200: answer } } },
    (): StatusAnswer => ({
      ...health(),
      version: VERSION,
      startedAt,
      alarmsOpen: reader.openAlarms(),
      agents: countAgents(status, reader.agentCount(), Date.now()),
      centers: status.centers.map((center) => centerView(center, reader, status)),
    }),
  );
}

function healthOf(reasons: string[]): Health {
  return { status: reasons.length === 0 ? "ok" : "failing", reasons };
}

function notReady({ linkDownReason, storeTrouble, caughtUp }: HubStatus): string[] {
  if (storeTrouble !== undefined) return [storeTrouble];
  if (linkDownReason !== undefined) return [linkDownReason];
  return caughtUp ? [] : ["the hub is still catching up with its logs"];
}

function waitingCenters(reader: LedgerReader, status: HubStatus): string[] {
  const nowMs = Date.now();
  return status.centers.flatMap(({ id }) => {
    const { oldestHeldAt } = reader.backlog(id);
    const ageMs = oldestHeldAt === undefined ? 0 : nowMs - Date.parse(oldestHeldAt);
    if (ageMs <= UNANSWERED_MS_MAX) return [];
    const trouble = status.listening.has(id) ? "does not answer" : "does not listen";
    return [`${id} ${trouble}: its oldest alarm has waited for ${Math.round(ageMs / 1_000)} s`];
  });
}
