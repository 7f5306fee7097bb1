import { agentsListen } from "../handed-over.ts";
import { AGENTS, type AgentName } from "../settings.ts";
import { during, type Kind, killAndStart, type Trial } from "../trial.ts";

const BURST = 150;

/**
 * A broker that is killed may lose what it has answered and not yet handed on, so it is killed when that is nothing; what
 * agents have not answered comes again or not, and is no second alarm.
 */
const brokerKilled: Kind = {
  name: "mqtt-broker-killed",
  title: "SIGKILL of the MQTT broker when it owes nothing",
  inflict: async ({ rig, random, generators }) => {
    for (const { mqtt } of Object.values(generators)) await mqtt.pause();
    await rig.broker.process.kill();
    await during(random);
    await rig.broker.process.start();
    // Its sessions may be gone: what is published before agents have subscribed again goes to nobody.
    await agentsListen(rig);
    for (const { mqtt } of Object.values(generators)) mqtt.resume();
    return undefined;
  },
};

const brokerRestarted: Kind = {
  name: "mqtt-broker-restarted",
  title: "the MQTT broker ends in order with messages for a dead agent, and starts again",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    if (!rig.broker.keeps) return brokerKilled.inflict(trial);
    const agent = random.pick(AGENTS);
    await rig.process(agent).kill();
    await generators[agent].mqtt.sendBurst(BURST);
    await rig.broker.process.stop();
    await during(random, 0, 1_000);
    await rig.broker.process.start();
    await rig.process(agent).start();
    return agent;
  },
};

/** The kill falls between what the agent has committed, what it has answered, and what it has only read. */
const agentKilled: Kind = {
  name: "mqtt-agent-killed",
  title: "SIGKILL of an agent while messages come by MQTT",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const agent = random.pick(AGENTS);
    rig.link(agent).cut();
    const burst = generators[agent].mqtt.sendBurst(BURST);
    await during(random, 10, 150);
    await killAndStart(trial, [agent]);
    rig.link(agent).resume();
    await burst;
    return agent;
  },
};

/** Breaks the way of an agent to the broker. */
function spoil(name: string, title: string, how: (trial: Trial, agent: AgentName) => Promise<void>): Kind {
  return {
    name,
    title,
    inflict: async (trial) => {
      const agent = trial.random.pick(AGENTS);
      const burst = trial.generators[agent].mqtt.sendBurst(BURST);
      await how(trial, agent);
      await burst;
      return agent;
    },
  };
}

export const MQTT_KINDS: readonly Kind[] = [
  brokerKilled,
  brokerRestarted,
  agentKilled,
  spoil(
    "mqtt-link-cut",
    "an agent's link to the MQTT broker is cut again and again",
    async ({ rig, random }, agent) => {
      for (let times = random.between(1, 4); times > 0; times--) {
        rig.broker.link(agent).cut();
        await during(random, 20, 1_000);
        rig.broker.link(agent).resume();
        await during(random, 20, 1_000);
      }
    },
  ),
  spoil(
    "mqtt-link-half-open",
    "an agent's link to the MQTT broker forwards nothing",
    async ({ rig, random }, agent) => {
      rig.broker.link(agent).halfOpen();
      await during(random, 1_000, 6_000);
      rig.broker.link(agent).cut();
      rig.broker.link(agent).resume();
    },
  ),
];
