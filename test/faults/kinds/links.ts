import { LINKS } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { during, type Kind, receivedBy, type Trial } from "../trial.ts";

function spoil(name: string, title: string, how: (trial: Trial, link: (typeof LINKS)[number]) => Promise<void>): Kind {
  return {
    name,
    title,
    inflict: async (trial) => {
      const { rig, random } = trial;
      const link = random.pick(LINKS);
      if (link === "web") rig.disturbWeb();
      await how(trial, link);
      if (link === "web") rig.disturbWeb();
      return link;
    },
  };
}

const MANY = 500;
const SLOW_MS_MAX = 90_000;

/** Every hop takes long, as over a satellite: a frame at a time must still get everything through. */
const latency: Kind = {
  name: "latency",
  title: "every link takes its time at once, and much is to be relayed",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const latencyMs = random.between(50, 250);
    rig.webDisturbedAtMs.push(Date.now());
    for (const link of LINKS) rig.link(link).slow(latencyMs);
    for (const agent of AGENTS) rig.broker.link(agent).slow(latencyMs);
    const ids = await generators[random.pick(AGENTS)].sendMany(MANY, "fire");
    for (const center of ["north", "south"] as const) await receivedBy(rig, center, ids, SLOW_MS_MAX);
    for (const link of LINKS) rig.link(link).slow(0);
    for (const agent of AGENTS) rig.broker.link(agent).slow(0);
    rig.webDisturbedAtMs.push(Date.now());
    return `${latencyMs} ms`;
  },
};

export const LINK_KINDS: readonly Kind[] = [
  spoil("link-cut", "a link is cut for a while", async ({ rig, random }, link) => {
    rig.link(link).cut();
    await during(random);
    rig.link(link).resume();
  }),
  spoil("link-flapping", "a link is cut again and again", async ({ rig, random }, link) => {
    for (let times = random.between(3, 8); times > 0; times--) {
      rig.link(link).cut();
      // Each time a POST may lose its answer, not only the first and the last.
      if (link === "web") rig.webDisturbedAtMs.push(Date.now());
      await during(random, 20, 200);
      rig.link(link).resume();
      await during(random, 20, 600);
    }
  }),
  spoil("link-half-open", "a link forwards nothing and stays open; what was under way is lost", async (trial, link) => {
    const { rig, random } = trial;
    rig.link(link).halfOpen();
    await during(random, 1_000, 6_000);
    rig.link(link).cut();
    rig.link(link).resume();
  }),
  spoil("link-slow", "a link takes its time", async ({ rig, random }, link) => {
    rig.link(link).slow(random.between(50, 800));
    await during(random, 2_000, 5_000);
    rig.link(link).slow(0);
  }),
  latency,
];
