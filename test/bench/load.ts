import { HttpConnection } from "./http-connection.ts";

const REPORTS_PER_REQUEST = 1_000;

/** Hands `count` reports of the category to an agent, in arrays of 1,000; resolves with how many it took per second. */
export async function raiseMany(agentUrl: string, count: number, category: string): Promise<number> {
  const connection = await HttpConnection.open(agentUrl);
  const startMs = performance.now();
  for (let first = 0; first < count; first += REPORTS_PER_REQUEST) {
    const size = Math.min(REPORTS_PER_REQUEST, count - first);
    const reports = Array.from({ length: size }, (_, i) => report(first + i, category));
    const { status, body } = await connection.post("/v1/alarms", JSON.stringify(reports));
    if (status !== 201) throw new Error(`the agent answered ${status}: ${body}`);
  }
  connection.close();
  return (count / (performance.now() - startMs)) * 1_000;
}

/** A report as a detector would send it, about 400 bytes as an alarm. */
export function report(i: number, category: string): object {
  return {
    account: String(1_000 + (i % 500)),
    area: "1",
    point: `zone-${i % 64}`,
    category,
    event: "status",
    code: "XX",
    text: "Detector in the pump room, ground floor",
    occurredAt: new Date().toISOString(),
  };
}

/** The alarm that an agent makes of such a report, for systems that carry it without making it. */
export function alarmText(i: number): string {
  const acceptedAt = new Date().toISOString();
  const alarm = { id: `gw-1.k3x9q2wz.${i}`, priority: "low", agent: "gw-1", ...report(i, "other") };
  return JSON.stringify({ ...alarm, codeSystem: "custom", condition: "XX", acceptedAt });
}

interface QueueRows {
  rows: Record<string, Record<"accepted" | "relayed" | "held" | "settled", number>>;
}

/** How far an agent has come with what it accepted. */
export interface QueueProgress {
  hasRelayed: boolean;
  /** Not relayed yet. */
  waiting: number;
  held: number;
  unsettled: number;
}

export async function queueProgress(agent: HttpConnection): Promise<QueueProgress> {
  const { rows } = JSON.parse((await agent.get("/v1/queue")).body) as QueueRows;
  const lanes = Object.values(rows);
  return {
    hasRelayed: lanes.some(({ relayed, held, settled }) => relayed + held + settled > 0),
    waiting: lanes.reduce((sum, { accepted }) => sum + accepted, 0),
    held: lanes.reduce((sum, { held, settled }) => sum + held + settled, 0),
    unsettled: lanes.reduce((sum, { accepted, relayed, held }) => sum + accepted + relayed + held, 0),
  };
}
