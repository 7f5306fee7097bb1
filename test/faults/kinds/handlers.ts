import { eventually } from "../../helpers/eventually.ts";
import type { Call } from "../call-log.ts";
import { mustFail } from "../misbehavior.ts";
import { CENTERS, type CenterName } from "../reports.ts";
import type { Rig } from "../rig.ts";
import { AGENTS } from "../settings.ts";
import { type Kind, receivedBy, type Trial } from "../trial.ts";

const ONE_IN = 5;
const ALARMS = 60;
const TRIES = 3;
/** A failed delivery is due again after a second, then after two, and so on; little less than that is no backoff. */
const BACKOFF_MS_MIN = 900;
const PASS_MS_MAX = 60_000;

/**
 * A handler throws for some alarms, or their POST is answered with an error or not at all. They come again, later each
 * time, and the others go past them. What it refuses ends; how is judged at the end of the run.
 */
const handlerFails: Kind = {
  name: "handler-fails",
  title: "a center fails some alarms for a while, and refuses a few for good",
  inflict: async (trial) => {
    const { rig, random, generators } = trial;
    const center = random.pick(CENTERS);
    const generator = generators[random.pick(AGENTS)];
    rig.letFail(center, ONE_IN);
    try {
      const refused = await generator.sendRefused(random.between(1, 3));
      const ids = await generator.sendMany(ALARMS, "fire");
      const failing = ids.filter((id) => mustFail(reportOf(trial, id), ONE_IN));
      await receivedBy(
        rig,
        center,
        ids.filter((id) => !failing.includes(id)),
        PASS_MS_MAX,
      );
      await triedAgain(rig, center, failing);
      rig.letSucceed(center);
      await receivedBy(rig, center, failing, PASS_MS_MAX);
      await refusedBy(rig, center, refused);
    } finally {
      rig.letSucceed(center);
    }
    return center;
  },
};

function reportOf({ obligations }: Trial, id: string): string {
  return obligations.byId.get(id)?.reportId ?? "";
}

/** Waits until each was tried several times, and looks at the time in between. */
async function triedAgain(rig: Rig, center: CenterName, ids: readonly string[]): Promise<void> {
  await eventually(
    `${center} was asked ${TRIES} times for ${ids.length} alarms that it failed`,
    () => {
      rig.readCalls();
      const missing = [...callsOf(rig, center, ids)].find(([, calls]) => calls.length < TRIES);
      if (missing !== undefined) throw new Error(`not yet for ${missing[0]}`);
      return true;
    },
    { timeoutMs: PASS_MS_MAX, everyMs: 50 },
  );
  for (const [id, calls] of callsOf(rig, center, ids)) {
    for (const [i, { atMs }] of calls.slice(1, TRIES).entries()) {
      const afterMs = atMs - (calls[i] as Call).atMs;
      if (afterMs < BACKOFF_MS_MIN * 2 ** i) {
        throw new Error(`${center} was asked for ${id} for the ${i + 2}. time after ${afterMs} ms`);
      }
    }
  }
}

function callsOf(rig: Rig, center: CenterName, ids: readonly string[]): Map<string, Call[]> {
  const calls = new Map<string, Call[]>(ids.map((id) => [id, []]));
  for (const call of rig.calls[center].calls) calls.get(call.id)?.push(call);
  return calls;
}

async function refusedBy(rig: Rig, center: CenterName, ids: readonly string[]): Promise<void> {
  await eventually(
    `${center} was asked for ${ids.length} alarms that it refuses`,
    () => {
      rig.readCalls();
      return ids.every((id) => rig.calls[center].refused.has(id));
    },
    { timeoutMs: PASS_MS_MAX, everyMs: 50 },
  );
}

export const HANDLER_KINDS: readonly Kind[] = [handlerFails];
