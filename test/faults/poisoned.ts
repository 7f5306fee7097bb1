import { NatsLink } from "../../shared/nats/link.ts";
import { SUBJECTS } from "../../shared/wire/subjects.ts";
import { silentLog } from "../helpers/silent-log.ts";
import { empty, note } from "./finding.ts";
import type { Obligations } from "./obligations.ts";
import type { Rig } from "./rig.ts";
import type { Finding } from "./verdict.ts";

/** What the judge has published to one subject that cannot be read. */
export interface Poisoned {
  faults: number;
  sinceMs: number;
  /** The hub's ledger at that time. */
  ledger: string;
}

/** How many faults at each subject the hub's own alarms have told since a time. */
export function toldSince(rig: Rig, subject: string, sinceMs: number): number {
  return rig.calls.north.calls
    .filter(({ condition, point, atMs }) => condition === "fault" && point === subject && atMs >= sinceMs)
    .reduce((sum, { own }) => sum + Number(own?.attributes["count"]), 0);
}

/** Each fault is told; but a ledger that was lost, or put back, may have counted what it had not told yet. */
export async function faultsTold(rig: Rig, { poisoned }: Obligations): Promise<Finding> {
  const finding = empty("what cannot be read is told by own alarms, each with how many it stands for");
  if (poisoned.size === 0) return finding;
  const now = await withLink(rig, ledgerId);
  for (const [subject, { faults, sinceMs, ledger }] of poisoned) {
    finding.looked += 1;
    const told = toldSince(rig, subject, sinceMs);
    if (told < (ledger === now ? faults : 1)) note(finding, `of ${faults} faults at ${subject} ${told} are told`);
  }
  return finding;
}

export async function ledgerId(link: NatsLink): Promise<string> {
  const question = JSON.stringify({ agent: "judge", since: 0, epochs: [], probe: true });
  return (JSON.parse(await link.request(SUBJECTS.changes, question, 10_000)) as { ledger: string }).ledger;
}

/** Lends a connection of the judge's own to nats-server. */
export async function withLink<T>(rig: Rig, use: (link: NatsLink) => Promise<T>): Promise<T> {
  const target = { servers: [rig.natsUrl] };
  const link = new NatsLink({ target, name: "judge", inboxPrefix: "_INBOX_judge", log: silentLog() });
  link.start();
  try {
    await link.waitConnected(10_000);
    return await use(link);
  } finally {
    await link.stop();
  }
}
