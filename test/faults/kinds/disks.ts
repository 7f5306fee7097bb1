import { eventually } from "../../helpers/eventually.ts";
import { AGENTS, type AgentName } from "../settings.ts";
import { SmallDisk, whyNoDisk } from "../small-disk.ts";
import { during, type Kind, type Trial } from "../trial.ts";

/** More than fits into what a store has room for in files that it has already. */
const MANY = 6_000;
const TOLD_MS_MAX = 90_000;
const READY_MS_MAX = 60_000;

interface Answer {
  status: number;
  text: string;
}

async function ask(url: string): Promise<Answer> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Both addresses for health say that the disk is full; `readyz` is what a load balancer asks. */
async function saysFull(url: string): Promise<boolean> {
  const answers = await Promise.all(["readyz", "healthz"].map((path) => ask(`${url}/${path}`)));
  const wrong = answers.find(({ status, text }) => status !== 503 || !/full/.test(text));
  if (wrong !== undefined) throw new Error(`it answers ${wrong.status}: ${wrong.text}`);
  return true;
}

/** The folder of a process lies on a disk that is filled while reports come in, and gets space again after a while. */
async function fillDisk(
  trial: Trial,
  name: "hub" | AgentName,
  { url, source }: { url: string; source: AgentName },
): Promise<void> {
  const { rig, random, generators, obligations } = trial;
  await rig.process(name).stop();
  const disk = SmallDisk.put(rig.dataDirOf(name));
  try {
    await rig.process(name).start();
    disk.fill();
    const refusals = obligations.refusals;
    const sending = generators[source].sendMany(MANY);
    await eventually(`${name} says that its disk is full`, () => saysFull(url), { timeoutMs: TOLD_MS_MAX });
    await during(random, 1_000, 4_000);
    if (name !== "hub" && obligations.refusals === refusals) throw new Error(`${name} has refused nothing`);
    disk.free();
    await eventually(`${name} is ready again`, async () => (await ask(`${url}/readyz`)).status === 200, {
      timeoutMs: READY_MS_MAX,
    });
    await sending;
    await rig.process(name).stop();
  } finally {
    if (rig.process(name).isRunning) await rig.process(name).kill();
    disk.remove();
    await rig.process(name).start();
  }
}

const diskFull: Kind = {
  name: "disk-full",
  title: "the disk of an agent is full for a while",
  whyNot: whyNoDisk,
  inflict: async (trial) => {
    const name = trial.random.pick(AGENTS);
    await fillDisk(trial, name, { url: trial.rig.agentUrl(name), source: name });
    return name;
  },
};

const diskFullHub: Kind = {
  name: "disk-full-hub",
  title: "the disk of the hub is full for a while",
  whyNot: whyNoDisk,
  inflict: async (trial) => {
    await fillDisk(trial, "hub", { url: trial.rig.hubUrl, source: trial.random.pick(AGENTS) });
    return undefined;
  },
};

export const DISK_KINDS: readonly Kind[] = [diskFull, diskFullHub];
