import { eventually } from "../helpers/eventually.ts";
import { Explained } from "./explained.ts";
import { empty, note } from "./finding.ts";
import type { Obligations } from "./obligations.ts";
import { faultsTold } from "./poisoned.ts";
import { refusedByName } from "./refused.ts";
import { CENTERS, routeOf } from "./reports.ts";
import type { Rig } from "./rig.ts";
import { AGENTS } from "./settings.ts";
import type { Finding } from "./verdict.ts";

interface EdgeAlarm {
  id: string;
  stages: { heldAt?: string; settledAt?: string; deliveries: { center: string; state: string }[] };
}

interface HubAlarm {
  id: string;
  deliveries: { center: string; state: string }[];
}

const HAS_IT: readonly string[] = ["received", "acknowledged"];

/** Compares what edge and hub say of every alarm, and what they tell of their own, with what came of it. */
export async function stagesAgree(rig: Rig, obligations: Obligations, timeoutMs: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  await eventually(
    "the stages agree",
    async () => {
      rig.readCalls();
      const found = [edgeAgrees, hubAgrees, refusedByName, faultsTold].map((find) => find(rig, obligations));
      findings.splice(0, findings.length, ...(await Promise.all(found)));
      return findings.every(({ broken }) => broken === 0);
    },
    { timeoutMs, everyMs: 1_000 },
  ).catch(() => undefined);
  return findings;
}

/** What a queue has forgotten that was put back, or was damaged and says so, it cannot tell; what it tells must be true. */
async function edgeAgrees(rig: Rig, obligations: Obligations): Promise<Finding> {
  const finding = empty("the edge says of an alarm what its centers say");
  const explained = new Explained(rig.calls.north.calls);
  for (const agent of AGENTS) {
    const hasForgotten = explained.hasForgottenDeliveries(agent);
    const response = await fetch(`${rig.agentUrl(agent)}/v1/export`);
    for (const line of (await response.text()).split("\n")) {
      if (line === "") continue;
      const { id, stages } = JSON.parse(line) as EdgeAlarm;
      const owed = obligations.byId.get(id);
      if (owed === undefined || owed.isRefused) continue;
      finding.looked += 1;
      const centers = routeOf(owed.category);
      const has = centers.filter((center) => rig.calls[center].ids.has(id));
      const says = stages.deliveries.filter(({ state }) => HAS_IT.includes(state)).map(({ center }) => center);
      if (stages.settledAt === undefined) note(finding, `${id} is not settled`);
      else if (stages.heldAt === undefined) note(finding, `${id} is settled and was never held`);
      else if (has.length !== centers.length) note(finding, `${id} is settled, but only ${has.join(", ")} have it`);
      else if (says.length !== centers.length && !hasForgotten)
        note(finding, `${id} is received by ${says.join(", ") || "nobody"} only`);
    }
  }
  return finding;
}

/** The hub may have lost an alarm with its ledger and the logs at once; what it lists must be true. */
async function hubAgrees(rig: Rig, obligations: Obligations): Promise<Finding> {
  const finding = empty("the hub says of an alarm what its centers say");
  let cursor = "";
  do {
    const response = await fetch(`${rig.hubUrl}/v1/alarms?limit=1000${cursor}`);
    const page = (await response.json()) as { items: HubAlarm[]; nextCursor?: string };
    for (const { id, deliveries } of page.items) {
      const owed = obligations.byId.get(id);
      if (owed === undefined) continue;
      finding.looked += 1;
      const has = CENTERS.filter((center) => rig.calls[center].ids.has(id)).join(", ");
      const says = deliveries.filter(({ state }) => HAS_IT.includes(state)).map(({ center }) => center);
      if (says.sort().join(", ") !== has)
        note(finding, `${id}: ${has} have it, the hub says ${says.join(", ") || "nobody"}`);
    }
    cursor = page.nextCursor === undefined ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
  } while (cursor !== "");
  return finding;
}
