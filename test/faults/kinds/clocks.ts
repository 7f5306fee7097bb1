import { AGENTS, type AgentName } from "../settings.ts";
import { during, freshAlarmsPass, type Kind, type Trial } from "../trial.ts";

const TURN_MS_MIN = 60_000;
const TURN_MS_MAX = 24 * 3_600_000;
type Owner = "hub" | AgentName | "north" | "south";

/** Turns the clock of a process while it runs, or while it is down; it need not be ready yet then. */
async function turn({ rig, random }: Trial, name: Owner, byMs: number): Promise<string> {
  const isRunning = random.next() < 0.5;
  if (!isRunning) await rig.process(name).kill();
  await rig.turnClock(name, byMs);
  rig.process(name).launch();
  return isRunning ? "running" : "restarted";
}

async function cutLink({ rig, random }: Trial, name: Owner): Promise<void> {
  rig.link(name).cut();
  await during(random);
  rig.link(name).resume();
}

/**
 * What waits for its time when the clock is turned back must not wait until that time comes again: what the hub's webhook
 * could not deliver, and the next attempt to connect.
 */
function clockTurned(name: string, of: string, owners: readonly Owner[]): Kind {
  return {
    name,
    title: `the wall clock of ${of} is wrong by up to a day, and is right again`,
    inflict: async (trial) => {
      const { rig, random } = trial;
      const owner = random.pick(owners);
      const byMs = random.between(TURN_MS_MIN, TURN_MS_MAX) * random.pick([1, -1]);
      const there = await turn(trial, owner, byMs);
      await cutLink(trial, owner);
      await rig.process(owner).ready();
      await freshAlarmsPass(trial);
      rig.disturbWeb();
      rig.link("web").cut();
      await during(random, 1_000, 3_000);
      const back = await turn(trial, owner, 0);
      rig.link("web").resume();
      rig.disturbWeb();
      await cutLink(trial, owner);
      await rig.process(owner).ready();
      return `${owner} by ${Math.round(byMs / 1_000)} s, ${there}, back ${back}`;
    },
  };
}

export const CLOCK_KINDS: readonly Kind[] = [
  clockTurned("clock-turned", "an agent or a center", [...AGENTS, "north", "south"]),
  clockTurned("clock-turned-hub", "the hub", ["hub"]),
];
