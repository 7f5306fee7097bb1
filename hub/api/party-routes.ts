import { formatTime } from "../../shared/alarm/time.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import type { CenterConfig } from "../config.ts";
import type { AgentRecord } from "../ledger/read/agents.ts";
import { badCursor, readCursor, writeCursor } from "../ledger/read/cursor.ts";
import type { CenterBacklog } from "../ledger/read/outlets.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import type { Page } from "../ledger/read/views.ts";
import type { Framing } from "../routing/config.ts";
import { type PageQuery, pageProperties, withLimit } from "./paging.ts";
import { pageOf, ref } from "./schemas.ts";
import { agentState, type HubStatus } from "./status.ts";

/** Who takes part: agents on the one side, centers on the other. */
export function addPartyRoutes(app: HttpServer, parts: { reader: LedgerReader; status: HubStatus }): void {
  const { reader, status } = parts;
  app.get<{ Querystring: PageQuery }>(
    "/v1/agents",
    {
      schema: {
        summary: "Agents: presence, versions, queues, gaps",
        querystring: { type: "object", properties: pageProperties },
        response: { 200: pageOf("Agent"), 400: ref("Error") },
      },
    },
    ({ query }) => listAgents(reader, status, withLimit(query)),
  );
  app.get(
    "/v1/centers",
    { schema: { summary: "Centers: who listens, what each is owed", response: { 200: pageOf("Center") } } },
    () => ({ items: status.centers.map((center) => centerView(center, reader, status)) }),
  );
}

/** Agents are known from the ledger, from their heartbeats, or both; they are listed by name. */
function listAgents(
  reader: LedgerReader,
  status: HubStatus,
  { limit, cursor }: { limit: number; cursor: string | undefined },
): Page<object> {
  const [after] = cursor === undefined ? [""] : readCursor(cursor);
  if (typeof after !== "string") throw badCursor();
  const records = new Map(reader.agents(after, limit + 1).map((record) => [record.agent, record]));
  const heard = [...status.agents.keys()].filter((name) => name > after);
  const names = [...new Set([...records.keys(), ...heard])].sort(byCodeUnits);
  const nowMs = Date.now();
  const items = names.slice(0, limit).map((name) => agentView(name, records.get(name), status, nowMs));
  const last = names[limit - 1];
  return names.length > limit && last !== undefined ? { items, nextCursor: writeCursor([last]) } : { items };
}

/** As SQLite orders names, so that both lists run in step. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function agentView(name: string, record: AgentRecord | undefined, status: HubStatus, nowMs: number): object {
  const heard = status.agents.get(name);
  const { version, epoch, startedAt, lastSeq, queue } = heard?.presence ?? {};
  return {
    agent: name,
    state: agentState(heard, nowMs),
    version,
    epoch: epoch ?? record?.epoch,
    startedAt,
    lastHeardAt: heard === undefined ? undefined : formatTime(heard.heardAtMs),
    firstSeenAt: record?.firstSeenAt,
    lastSeq: lastSeq ?? record?.lastSeq,
    held: record?.held ?? 0,
    queue,
    changes: record?.changes,
    gaps: record?.gaps ?? [],
  };
}

/** A center, and what it is owed. */
export interface CenterView extends CenterBacklog {
  center: string;
  connection: "nats" | "webhook";
  framing: Framing;
  connected: boolean;
}

export function centerView(center: CenterConfig, reader: LedgerReader, status: HubStatus): CenterView {
  return {
    center: center.id,
    connection: center.connector === undefined ? "nats" : "webhook",
    framing: center.framing,
    connected: status.listening.has(center.id),
    ...reader.backlog(center.id),
  };
}
