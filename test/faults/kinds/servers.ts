import { AGENTS } from "../settings.ts";
import { freshAlarmsPass, type Kind } from "../trial.ts";

/** Of two addresses of nats-server one is dead, then the other. */
const serverList: Kind = {
  name: "server-list",
  title: "an agent has two addresses of nats-server, and one of them is dead",
  inflict: async (trial) => {
    const { rig, random } = trial;
    const agent = random.pick(AGENTS);
    const addresses = [rig.link(agent).address, rig.spareLink.address];
    rig.link(agent).cut();
    await rig.restartWith(agent, { natsAddresses: random.shuffled(addresses) });
    await freshAlarmsPass(trial);
    rig.link(agent).resume();
    rig.spareLink.cut();
    await freshAlarmsPass(trial);
    rig.spareLink.resume();
    await rig.restartWith(agent, {});
    return agent;
  },
};

export const SERVER_KINDS: readonly Kind[] = [serverList];
