import { empty, note } from "./finding.ts";
import { refusalOf } from "./misbehavior.ts";
import type { Obligations } from "./obligations.ts";
import { CENTERS } from "./reports.ts";
import type { Rig } from "./rig.ts";
import type { Finding } from "./verdict.ts";

interface EdgeStages {
  settledAt?: string;
  deliveries: { center: string; state: string; reason?: string }[];
}

/** What every center refuses ends by name: at its agent with the reason, in the hub's list, and in an own alarm. */
export async function refusedByName(rig: Rig, obligations: Obligations): Promise<Finding> {
  const finding = empty("what a center refuses ends by name: at the edge, in the list of the dead, by an own alarm");
  const refused = [...obligations.byId.values()].filter(({ isRefused }) => isRefused);
  if (refused.length === 0) return finding;
  const dead = await deadDeliveries(rig);
  const told = new Set(
    rig.calls.north.calls
      .filter(({ condition }) => condition === "delivery-rejected")
      .flatMap(({ point, own }) => (own?.raw ?? "").split("\n").map((id) => `${id} ${point}`)),
  );
  for (const { id } of refused) {
    const stages = await stagesAtEdge(rig, id);
    if (stages !== undefined && stages.settledAt === undefined) note(finding, `${id} is refused and not settled`);
    const isKnownAtHub = (await fetch(`${rig.hubUrl}/v1/alarms/${id}`)).status !== 404;
    for (const center of CENTERS) {
      finding.looked += 1;
      const delivery = stages?.deliveries.find((one) => one.center === center);
      const isKnownAtEdge = delivery?.state === "rejected" && delivery.reason === refusalOf(id);
      if (stages !== undefined && !isKnownAtEdge) note(finding, `the edge does not say that ${center} refused ${id}`);
      // With its ledger and the logs at once it loses what is settled at the edge, too, and owes no word of it.
      else if (!isKnownAtHub) continue;
      else if (!dead.has(`${id} ${center}`)) note(finding, `the hub does not list that ${center} refused ${id}`);
      else if (!told.has(`${id} ${center}`)) note(finding, `no own alarm tells that ${center} refused ${id}`);
    }
  }
  return finding;
}

/** Undefined where the agent has forgotten the alarm: its queue was put back. */
async function stagesAtEdge(rig: Rig, id: string): Promise<EdgeStages | undefined> {
  const agent = id.startsWith("gw-1.") ? "gw-1" : "gw-2";
  const response = await fetch(`${rig.agentUrl(agent)}/v1/alarms/${id}`);
  return response.status === 404 ? undefined : ((await response.json()) as { stages: EdgeStages }).stages;
}

async function deadDeliveries(rig: Rig): Promise<ReadonlySet<string>> {
  const response = await fetch(`${rig.hubUrl}/v1/dead?limit=1000`);
  const { items } = (await response.json()) as { items: { id: string; center: string; state: string }[] };
  return new Set(items.filter(({ state }) => state === "rejected").map(({ id, center }) => `${id} ${center}`));
}
