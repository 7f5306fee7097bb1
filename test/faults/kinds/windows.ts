import { eventually } from "../../helpers/eventually.ts";
import type { CenterName } from "../reports.ts";
import type { Rig } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { during, type Kind, receivedBy, type Trial } from "../trial.ts";
import { wipeStore } from "./stores.ts";

const RECEIVED_MS_MAX = 120_000;
/** DELIVERIES holds 64 frames for each center and priority, and each of these is a frame of its own. */
const MORE_THAN_A_WINDOW = 150;

interface HubDelivery {
  center: string;
  state: string;
  attempt: number;
}

async function deliveryOf(rig: Rig, id: string, center: CenterName): Promise<HubDelivery | undefined> {
  const response = await fetch(`${rig.hubUrl}/v1/alarms/${id}`);
  const { deliveries = [] } = (await response.json()) as { deliveries?: HubDelivery[] };
  return deliveries.find((delivery) => delivery.center === center);
}

/** Sends alarms one after another while a center is dead. */
async function sendOneByOne(
  { random, generators }: Trial,
  count: number,
  sent: (id: string) => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const generator = generators[random.pick(AGENTS)];
  const ids: string[] = [];
  while (ids.length < count) {
    const id = await generator.sendProbe();
    ids.push(id);
    await sent(id);
  }
  return ids;
}

/** What a dead center is owed and does not fit into its window waits at the hub: no frame may be pushed out. */
const centerOff: Kind = {
  name: "center-off",
  title: "a center is dead for longer than its window lasts",
  inflict: async (trial) => {
    const { rig, random } = trial;
    const center = random.pick(["north", "south"] as const);
    await rig.process(center).kill();
    const ids = await sendOneByOne(trial, MORE_THAN_A_WINDOW, async (id) => {
      // A busy machine would otherwise put several of them into one frame.
      await eventually(`the hub holds ${id}`, () => deliveryOf(rig, id, center), { timeoutMs: RECEIVED_MS_MAX });
    });
    await rig.process(center).start();
    await receivedBy(rig, center, ids, RECEIVED_MS_MAX);
    for (const id of ids) {
      const delivery = await deliveryOf(rig, id, center);
      if (delivery === undefined || delivery.attempt === 1) continue;
      throw new Error(`${id} had to be dispatched to ${center} ${delivery.attempt} times although nothing was lost`);
    }
    return center;
  },
};

/** What is under way to a center when the store goes lies in the hub's ledger. */
const wipedUnderWindow: Kind = {
  name: "store-wiped-under-window",
  title: "the nats-server store is wiped with alarms in it for a dead center",
  inflict: async (trial) => {
    const { rig, random } = trial;
    const center = random.pick(["north", "south"] as const);
    await rig.process(center).kill();
    const ids = await sendOneByOne(trial, 20);
    const last = ids.at(-1) as string;
    const isDispatched = async (): Promise<boolean> => (await deliveryOf(rig, last, center))?.state === "dispatched";
    await eventually(`${last} is dispatched to ${center}`, isDispatched, { timeoutMs: RECEIVED_MS_MAX });
    await rig.process("nats").kill();
    wipeStore(rig);
    await during(random, 0, 1_000);
    await rig.process("nats").start();
    await rig.process(center).start();
    await receivedBy(rig, center, ids, RECEIVED_MS_MAX);
    return center;
  },
};

export const WINDOW_KINDS: readonly Kind[] = [centerOff, wipedUnderWindow];
