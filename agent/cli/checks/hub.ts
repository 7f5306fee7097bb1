import type { NatsLink } from "../../../shared/nats/link.ts";
import { messageOf, RelayError } from "../../../shared/runtime/errors.ts";
import type { ChangesReply, ChangesRequest } from "../../../shared/wire/change.ts";
import { SUBJECTS } from "../../../shared/wire/subjects.ts";
import { type Finding, failed, ok } from "./types.ts";

const ANSWER_MS_MAX = 3_000;

/** Whether the hub answers, and how far our clock is ahead of its own, in milliseconds, if it says its time. */
export async function checkHub(link: NatsLink, agent: string): Promise<{ finding: Finding; aheadMs?: number }> {
  const request: ChangesRequest = { agent, since: 0, epochs: [], probe: true };
  const askedAtMs = Date.now();
  let reply: ChangesReply;
  try {
    reply = JSON.parse(await link.request(SUBJECTS.changes, JSON.stringify(request), ANSWER_MS_MAX)) as ChangesReply;
  } catch (error) {
    return { finding: notAnswering(error) };
  }
  const answeredAtMs = Date.now();
  const hubMs = Date.parse(reply.at ?? "");
  const finding = ok("hub", `answers after ${answeredAtMs - askedAtMs} ms`);
  if (Number.isNaN(hubMs)) return { finding };
  return { finding, aheadMs: (askedAtMs + answeredAtMs) / 2 - hubMs };
}

function notAnswering(error: unknown): Finding {
  const isAway = error instanceof RelayError && error.code === "not_connected";
  const what = isAway ? "no hub is connected to this NATS" : `the hub does not answer: ${messageOf(error)}`;
  const remedy =
    "see at the hub that alarm-hub runs on this NATS (alarm-hub status), and that it may be asked from here";
  return failed("hub", what, remedy);
}
