import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../helpers/eventually.ts";
import { steadyNowMs } from "../clock.ts";
import type { Rig } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { during, type Kind, receivedBy, type Trial, unsettledOf } from "../trial.ts";

/** The files of a store that can be lost or put back while its process is down. */
interface Store {
  dir: (rig: Rig) => string;
  isPartOf: (file: string) => boolean;
}

const NATS: Store = { dir: (rig) => join(rig.dir, "nats"), isPartOf: () => true };
const LEDGER: Store = { dir: (rig) => join(rig.dir, "hub"), isPartOf: (file) => file.startsWith("ledger.db") };
const queueOf = (agent: string): Store => ({
  dir: (rig) => join(rig.dir, agent),
  isPartOf: (file) => file.startsWith("queue.db"),
});

function remove(rig: Rig, store: Store): void {
  const dir = store.dir(rig);
  if (!existsSync(dir)) return;
  for (const file of readdirSync(dir).filter(store.isPartOf)) rmSync(join(dir, file), { recursive: true });
}

function copyTo(rig: Rig, store: Store, target: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const dir = store.dir(rig);
  for (const file of readdirSync(dir).filter(store.isPartOf)) {
    cpSync(join(dir, file), join(target, file), { recursive: true });
  }
}

function putBack(rig: Rig, store: Store, source: string): void {
  remove(rig, store);
  for (const file of readdirSync(source)) cpSync(join(source, file), join(store.dir(rig), file), { recursive: true });
}

/** Removes all that nats-server keeps; it must not run. */
export function wipeStore(rig: Rig): void {
  remove(rig, NATS);
}

/** Which processes own the stores, in the order in which they start. */
const OWNERS = ["nats", "hub"] as const;

/** What is lost although nats-server or the hub runs again: the store of one, of the other, or of both. */
function lose(name: string, title: string, stores: readonly Store[]): Kind {
  return {
    name,
    title,
    inflict: async ({ rig, random }) => {
      const owners = OWNERS.filter((_, i) => stores.includes([NATS, LEDGER][i] as Store));
      await Promise.all(owners.map((owner) => rig.process(owner).kill()));
      await during(random, 0, 2_000);
      for (const store of stores) remove(rig, store);
      for (const owner of owners) await rig.process(owner).start();
      return undefined;
    },
  };
}

/** Copies stores, lets alarms go on, and puts the copies back. */
function restore(name: string, title: string, stores: readonly Store[]): Kind {
  return {
    name,
    title,
    inflict: async (trial) => {
      const { rig, random } = trial;
      const owners = OWNERS.filter((_, i) => stores.includes([NATS, LEDGER][i] as Store));
      const copies = stores.map((_, i) => join(rig.dir, "copies", `${name}-${i}`));
      await withDown(trial, owners, () => {
        for (const [i, store] of stores.entries()) copyTo(rig, store, copies[i] as string);
      });
      await during(random, 2_000, 6_000);
      await withDown(trial, owners, () => {
        for (const [i, store] of stores.entries()) putBack(rig, store, copies[i] as string);
      });
      return undefined;
    },
  };
}

async function withDown({ rig }: Trial, owners: readonly (typeof OWNERS)[number][], act: () => void): Promise<void> {
  await Promise.all(owners.map((owner) => rig.process(owner).kill()));
  act();
  for (const owner of owners) await rig.process(owner).start();
}

/** What JetStream had acknowledged and the hub had not yet seen when the store went. */
const wipedBehindHub: Kind = {
  name: "store-wiped-behind-hub",
  title: "the nats-server store is wiped while the hub is down and PubAcks go on",
  inflict: async ({ rig, random }) => {
    await rig.process("hub").kill();
    await during(random, 1_000, 3_000);
    await rig.process("nats").kill();
    remove(rig, NATS);
    await rig.process("nats").start();
    await rig.process("hub").start();
    return undefined;
  },
};

const RECEIVED_MS_MAX = 120_000;

/** What JetStream stores under numbers that the hub has seen before must be held as what it is, not found missing later. */
const restoredBehindHub: Kind = {
  name: "store-restored-behind-hub",
  title: "an older nats-server store is put back and written on while the hub is down",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const copy = join(rig.dir, "copies", "nats-behind-hub");
    await withDown(trial, ["nats"], () => copyTo(rig, NATS, copy));
    await during(random, 2_000, 4_000);
    await rig.process("hub").kill();
    await withDown(trial, ["nats"], () => putBack(rig, NATS, copy));
    const agent = random.pick(AGENTS);
    const id = await generators[agent].sendProbe();
    const isRelayed = async (): Promise<boolean> => {
      const { stages } = (await (await fetch(`${rig.agentUrl(agent)}/v1/alarms/${id}`)).json()) as {
        stages: { relayedAt?: string };
      };
      return stages.relayedAt !== undefined;
    };
    await eventually(`${id} is relayed`, isRelayed, { timeoutMs: RECEIVED_MS_MAX });
    await rig.process("hub").start();
    await receivedBy(rig, "north", [id], RECEIVED_MS_MAX);
    const { relayedAgain } = (await (await fetch(`${rig.hubUrl}/v1/alarms/${id}`)).json()) as { relayedAgain: boolean };
    if (relayedAgain) throw new Error(`the hub passed over ${id}, and ${agent} had to relay it again`);
    return undefined;
  },
};

const SETTLED_MS_MAX = 120_000;
/** The hub tells of the same thing once a minute at most. */
const TOLD_MS_MAX = 180_000;

/**
 * An older copy of an agent's queue, put back when all that it accepted since has settled: nothing may be lost by that,
 * and what is accepted afterwards has numbers that were given before.
 */
const queueRestored: Kind = {
  name: "queue-restored",
  title: "an older copy of an agent's queue is put back",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const agent = random.pick(AGENTS);
    const store = queueOf(agent);
    const copy = join(rig.dir, "copies", `queue-${agent}`);
    await rig.process(agent).kill();
    copyTo(rig, store, copy);
    await rig.process(agent).start();
    await during(random, 1_000, 3_000);
    await generators[agent].pause();
    await eventually(`${agent} keeps nothing unsettled`, async () => (await unsettledOf(rig, agent)) === 0, {
      timeoutMs: SETTLED_MS_MAX,
      everyMs: 100,
    });
    await rig.process(agent).kill();
    putBack(rig, store, copy);
    const restoredAtMs = steadyNowMs();
    await rig.process(agent).start();
    generators[agent].resume();
    await eventually(`it is told that ${agent} was put back`, () => isToldRestored(rig, agent, restoredAtMs), {
      timeoutMs: TOLD_MS_MAX,
      everyMs: 100,
    });
    return agent;
  },
};

function isToldRestored(rig: Rig, agent: string, sinceMs: number): boolean {
  rig.readCalls();
  return rig.calls.north.calls.some(
    ({ condition, point, atMs }) => condition === "gateway-restored" && point === agent && atMs >= sinceMs,
  );
}

export const STORE_KINDS: readonly Kind[] = [
  lose("store-wiped", "the nats-server store is wiped", [NATS]),
  lose("ledger-deleted", "the hub's ledger is deleted", [LEDGER]),
  lose("both-lost", "the nats-server store and the ledger are lost at once", [NATS, LEDGER]),
  restore("store-restored", "an older copy of the nats-server store is put back", [NATS]),
  restore("ledger-restored", "an older copy of the ledger is put back", [LEDGER]),
  restore("both-restored", "older copies of both are put back", [NATS, LEDGER]),
  wipedBehindHub,
  restoredBehindHub,
  queueRestored,
];
