import { join } from "node:path";
import { SqliteConnection } from "../../../shared/sqlite/database.ts";
import { eventually } from "../../helpers/eventually.ts";
import { type Damage, spoil } from "../damage.ts";
import { Explained } from "../explained.ts";
import type { Rig } from "../rig.ts";
import { AGENTS, type AgentName } from "../settings.ts";
import { during, type Kind, type Trial, unsettledOf } from "../trial.ts";

const SETTLED_MS_MAX = 120_000;
/** The same thing is told once a minute at most. */
const TOLD_MS_MAX = 120_000;

function toldBy(rig: Rig): Explained {
  rig.readCalls();
  return new Explained(rig.calls.north.calls);
}

const FILES = { hub: "ledger.db", "gw-1": "queue.db", "gw-2": "queue.db" } as const satisfies Record<Owner, string>;
type Owner = "hub" | AgentName;

/** Spoils the database of a process that is down; says where. */
function spoilDatabase({ rig, random }: Trial, name: Owner, ways: readonly Damage[]): string {
  const path = join(rig.dataDirOf(name), FILES[name]);
  return `${name}: ${spoil(random, path, random.pick(ways)) ?? "it was empty"}`;
}

/** The same for its write-ahead log, of which SQLite takes what comes before the damage and passes over the rest. */
function spoilLog({ rig, random }: Trial, name: Owner): string {
  const path = `${join(rig.dataDirOf(name), FILES[name])}-wal`;
  return `the log of ${name}: ${spoil(random, path, random.pick(["bits", "sectors", "cut"])) ?? "it was empty"}`;
}

/** Waits until each file that was set aside since `before` is named at a center. */
async function asidesTold(rig: Rig, name: Owner, before: readonly string[]): Promise<string[]> {
  const files = rig.asidesOf(name).filter((file) => !before.includes(file));
  await eventually(
    `an alarm names ${files.join(", ")}`,
    () => files.every((file) => toldBy(rig).texts.some((text) => text.includes(file))),
    { timeoutMs: TOLD_MS_MAX, everyMs: 100 },
  );
  return files;
}

/** What an agent says is lost with files, it must name. */
async function lossNamed(rig: Rig, agent: AgentName, files: readonly string[], namedBefore: number): Promise<void> {
  const told = toldBy(rig);
  const lost = files
    .map((file) => told.texts.find((text) => text.includes(file)) ?? "")
    .reduce((sum, text) => sum + Number(/up to (\d+) are lost/.exec(text)?.[1] ?? 0), 0);
  await eventually(
    `the ${lost} alarms that ${agent} has lost are named`,
    () => toldBy(rig).damagedOf(agent) - namedBefore >= lost,
    { timeoutMs: TOLD_MS_MAX, everyMs: 100 },
  );
}

async function isSettled(rig: Rig, agent: AgentName): Promise<void> {
  await eventually(`${agent} keeps nothing unsettled`, async () => (await unsettledOf(rig, agent)) === 0, {
    timeoutMs: SETTLED_MS_MAX,
    everyMs: 100,
  });
}

/**
 * With all settled nothing may be lost, whatever is hit. Else alarms lie nowhere but in the queue, and then in the
 * database itself: what SQLite passes over in a log, nobody can name. Nor is every single bit noticed that is flipped in
 * the text of an alarm; a sector is.
 */
const spoiltQueue: Kind = {
  name: "bits-flipped-queue",
  title: "an agent's queue is damaged while the agent is down",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const agent = random.pick(AGENTS);
    const isQuiet = random.next() < 0.5;
    if (isQuiet) {
      await generators[agent].pause();
      await isSettled(rig, agent);
      await rig.process(agent).kill();
    } else {
      // What came by MQTT is known by its reportId only until its id is found, and what is lost is named by its id.
      await generators[agent].mqtt.pause();
      rig.link(agent).cut();
      await during(random, 500, 2_000);
      await rig.process(agent).stop();
    }
    const before = rig.asidesOf(agent);
    const namedBefore = toldBy(rig).damagedOf(agent);
    rig.hurtAgents.add(agent);
    const where =
      isQuiet && random.next() < 0.5
        ? spoilLog(trial, agent)
        : spoilDatabase(trial, agent, isQuiet ? ["bits", "sectors", "cut"] : ["sectors", "cut"]);
    await rig.process(agent).start();
    rig.link(agent).resume();
    generators[agent].resume();
    const files = await asidesTold(rig, agent, before);
    await lossNamed(rig, agent, files, namedBefore);
    return `${where}, ${isQuiet ? "all settled" : "offline"}, ${files.length === 0 ? "not noticed" : "set aside"}`;
  },
};

/** The logs and the agents have all that the ledger had. */
const spoiltLedger: Kind = {
  name: "bits-flipped-ledger",
  title: "the hub's ledger is damaged while the hub is down",
  inflict: async (trial) => {
    const { rig, random } = trial;
    const isKilled = random.next() < 0.6;
    await (isKilled ? rig.process("hub").kill() : rig.process("hub").stop());
    const before = rig.asidesOf("hub");
    // Who ends in order leaves no log.
    const where =
      isKilled && random.next() < 0.5
        ? spoilLog(trial, "hub")
        : spoilDatabase(trial, "hub", ["bits", "sectors", "cut"]);
    // What comes meanwhile gets numbers that an older state of the ledger may have given before.
    await during(random, 0, 3_000);
    await rig.process("hub").start();
    const files = await asidesTold(rig, "hub", before);
    return `${where}, ${files.length === 0 ? "not noticed" : "set aside"}`;
  },
};

/**
 * No check of the file can find it: the hub alone can, by the numbers that never come. It needs two minutes to be sure,
 * and a ledger that is lost meanwhile takes what it had noticed along.
 */
const rowsVanished: Kind = {
  name: "rows-vanished",
  title: "alarms vanish from an agent's queue without a trace, at the end of the run",
  isOnlyAtTheEnd: true,
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const agent = random.pick(AGENTS);
    await generators[agent].pause();
    rig.link(agent).cut();
    const ids = await generators[agent].sendMany(random.between(20, 60));
    await rig.process(agent).kill();
    const gone = ids.slice(2, 2 + random.between(1, 10));
    const queue = new SqliteConnection(join(rig.dataDirOf(agent), "queue.db"));
    for (const table of ["alarm", "body"]) {
      const remove = queue.prepare(`DELETE FROM ${table} WHERE seq = ?`);
      for (const id of gone) remove.run(Number(id.split(".")[2]));
    }
    queue.close();
    for (const id of gone) rig.vanished.add(id);
    await rig.process(agent).start();
    rig.link(agent).resume();
    generators[agent].resume();
    return `${gone.length} of ${agent}`;
  },
};

export const DAMAGE_KINDS: readonly Kind[] = [spoiltQueue, spoiltLedger, rowsVanished];
