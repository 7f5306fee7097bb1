import { eventually } from "../../helpers/eventually.ts";
import { AGENTS } from "../settings.ts";
import { type Kind, receivedBy, unsettledOf } from "../trial.ts";

const ROWS_MAX = 200;
const SETTLED_MS_MAX = 120_000;

/** In this order each finds the queue full of what is less urgent, and the last ones of nothing that may go. */
const OFFERS = [
  { category: "access", count: 150 },
  { category: "environment", count: 100 },
  { category: "intrusion", count: 100 },
  { category: "fire", count: 150 },
  { category: "fire", count: 100 },
] as const;

/**
 * More is accepted than a small queue takes. What has to go is the least urgent, and is named; where nothing may go the
 * agent refuses. Whether exactly what is missing was named is judged at the end of the run.
 */
const evicted: Kind = {
  name: "evicted",
  title: "an agent with a small queue and no link is given more than it can keep",
  inflict: async (trial) => {
    const { rig, random, generators, obligations } = trial;
    const agent = random.pick(AGENTS);
    const generator = generators[agent];
    await generator.pause();
    await eventually(`${agent} keeps nothing unsettled`, async () => (await unsettledOf(rig, agent)) === 0, {
      timeoutMs: SETTLED_MS_MAX,
      everyMs: 100,
    });
    await rig.restartWith(agent, { rowsMax: ROWS_MAX });
    rig.link(agent).cut();
    const critical: string[] = [];
    for (const { category, count } of OFFERS) {
      const ids = await generator.offer(count, category);
      for (const id of ids) obligations.shutIn.add(id);
      if (category === "fire") critical.push(...ids);
    }
    if (critical.length > ROWS_MAX) throw new Error(`${agent} took ${critical.length} critical alarms for ${ROWS_MAX}`);
    if (critical.length < ROWS_MAX / 2) throw new Error(`${agent} took only ${critical.length} critical alarms`);
    const late = await generator.offer(1, "access");
    if (late.length > 0) throw new Error(`${agent} took ${late[0]} although nothing may go for it`);
    rig.link(agent).resume();
    await receivedBy(rig, "north", critical, SETTLED_MS_MAX);
    await rig.restartWith(agent, {});
    generator.resume();
    return agent;
  },
};

export const EVICTION_KINDS: readonly Kind[] = [evicted];
