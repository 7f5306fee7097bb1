import { setTimeout as sleep } from "node:timers/promises";
import { POINTS } from "../points.ts";
import { CENTERS } from "../reports.ts";
import { PROCESSES, type ProcessName } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { during, type Kind, killAndStart, type Trial } from "../trial.ts";

/** A process comes to each point within a second, unless the machine has much else to do. */
const POINT_MS_MAX = 60_000;

function kill(name: string, title: string, choose: (trial: Trial) => readonly ProcessName[]): Kind {
  return {
    name,
    title,
    inflict: async (trial) => {
      const names = choose(trial);
      await killAndStart(trial, names);
      return names.join(", ");
    },
  };
}

/** Arms a point and waits until the process has come to it. */
function killAtPoint(where: "agent" | "hub" | "center"): Kind {
  return {
    name: `point-${where}`,
    title: `SIGKILL of ${where === "hub" ? "the hub" : `an ${where}`.replace("an c", "a c")} at a named point`,
    inflict: async (trial) => {
      const { rig, random } = trial;
      const candidates: readonly ProcessName[] =
        where === "hub" ? ["hub"] : where === "agent" ? AGENTS : ["north", "south"];
      const name = random.pick(candidates);
      const point = random.pick(POINTS.filter((one) => one.where === where)).name;
      const process = rig.process(name);
      rig.arm(name, point);
      const endMs = performance.now() + POINT_MS_MAX;
      while (process.isRunning && performance.now() < endMs) await sleep(10);
      rig.disarm(name);
      if (process.isRunning) throw new Error(`${name} did not come to the point "${point}" in ${POINT_MS_MAX} ms`);
      process.noteKilled();
      await during(random, 0, 1_000);
      await process.start();
      return `${name} ${point}`;
    },
  };
}

const pause: Kind = {
  name: "pause",
  title: "SIGSTOP of any process for a while",
  inflict: async ({ rig, random }) => {
    const name = random.pick(PROCESSES);
    const process = rig.process(name);
    if (name === "web") rig.disturbWeb();
    process.signal("SIGSTOP");
    await during(random, 1_000, 7_000);
    process.signal("SIGCONT");
    if (name === "web") rig.disturbWeb();
    return name;
  },
};

const restartHub: Kind = {
  name: "hub-restarted",
  title: "the hub ends in order and starts again",
  inflict: async ({ rig, random }) => {
    await rig.process("hub").stop();
    await during(random, 0, 1_500);
    await rig.process("hub").start();
    return undefined;
  },
};

const restartCenter: Kind = {
  name: "center-restarted",
  title: "a center ends in order and starts again",
  inflict: async ({ rig, random }) => {
    const name = random.pick(["north", "south"] as const);
    await rig.process(name).stop();
    await during(random, 0, 1_500);
    await rig.process(name).start();
    return name;
  },
};

const restartAgent: Kind = {
  name: "agent-restarted",
  title: "an agent ends in order and starts again",
  inflict: async ({ rig, random }) => {
    const name = random.pick(AGENTS);
    await rig.process(name).stop();
    await during(random, 0, 1_500);
    await rig.process(name).start();
    return name;
  },
};

const reload: Kind = {
  name: "config-reloaded",
  title: "the hub takes over another configuration",
  inflict: async ({ rig, random }) => {
    rig.changeHubConfig();
    rig.process("hub").signal("SIGHUP");
    await during(random, 200, 1_000);
    return undefined;
  },
};

/** What is accepted without a link lies nowhere but in the queue of the agent. */
const killOffline: Kind = {
  name: "agent-killed-offline",
  title: "SIGKILL of an agent while its link is cut",
  inflict: async (trial) => {
    const { rig, random } = trial;
    const name = random.pick(AGENTS);
    rig.link(name).cut();
    await during(random, 500, 2_000);
    await killAndStart(trial, [name]);
    rig.link(name).resume();
    return name;
  },
};

export const PROCESS_KINDS: readonly Kind[] = [
  kill("nats-killed", "SIGKILL of nats-server", () => ["nats"]),
  kill("hub-killed", "SIGKILL of the hub", () => ["hub"]),
  kill("agent-killed", "SIGKILL of an agent", ({ random }) => [random.pick(AGENTS)]),
  kill("center-killed", "SIGKILL of a center", ({ random }) => [random.pick(CENTERS)]),
  kill("all-killed", "SIGKILL of everything at once", () => PROCESSES),
  killAtPoint("agent"),
  killAtPoint("hub"),
  killAtPoint("center"),
  killOffline,
  pause,
  restartHub,
  restartAgent,
  restartCenter,
  reload,
];
