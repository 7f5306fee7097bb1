import { eventually } from "../helpers/eventually.ts";
import type { Obligations } from "./obligations.ts";
import { CENTERS } from "./reports.ts";
import type { Rig } from "./rig.ts";
import { AGENTS, type AgentName } from "./settings.ts";

/** Finds out under which ids agents have accepted what the MQTT broker took for them. */
export async function findAccepted(rig: Rig, obligations: Obligations): Promise<void> {
  rig.readCalls();
  await Promise.all(AGENTS.map((agent) => findAt(rig, obligations, agent).catch(() => undefined)));
}

/** Throws while the agent does not answer. */
async function findAt(rig: Rig, obligations: Obligations, agent: AgentName): Promise<void> {
  for (const reportId of obligations.handedOverTo(agent)) {
    // Where a center has it already, its agent may have forgotten it.
    const id = idAtCenters(rig, reportId) ?? (await idAtAgent(rig, agent, reportId));
    if (id !== undefined) obligations.found(reportId, id);
  }
}

function idAtCenters(rig: Rig, reportId: string): string | undefined {
  for (const center of CENTERS) {
    const id = rig.calls[center].idOfReport.get(reportId);
    if (id !== undefined) return id;
  }
  return undefined;
}

async function idAtAgent(rig: Rig, agent: AgentName, reportId: string): Promise<string | undefined> {
  const response = await fetch(`${rig.agentUrl(agent)}/v1/alarms?reportId=${reportId}`, {
    signal: AbortSignal.timeout(2_000),
  });
  const { items } = (await response.json()) as { items: { id: string }[] };
  return items[0]?.id;
}

async function isListening(rig: Rig, agent: AgentName): Promise<boolean> {
  const metrics = await (await fetch(`${rig.agentUrl(agent)}/metrics`)).text();
  return metrics.includes('alarm_agent_up{part="mqtt"} 1');
}

/**
 * Waits until every agent has subscribed at the MQTT broker. What a broker takes for nobody is gone; later on it keeps
 * a session for each of them.
 */
export async function agentsListen(rig: Rig): Promise<void> {
  for (const agent of AGENTS) {
    await eventually(`${agent} listens to the MQTT broker`, () => isListening(rig, agent), {
      timeoutMs: 30_000,
      everyMs: 50,
    });
  }
}
