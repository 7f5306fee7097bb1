import { STREAMS } from "../wire/subjects.ts";
import type { NatsLink } from "./link.ts";

const ANSWER_MS_MAX = 2_000;

/**
 * How far our clock is ahead of the server's, in milliseconds, to within half a round trip; undefined where the server
 * does not tell: its time comes only with JetStream's answers (2.9 and later), for which narrow permissions may not
 * allow us to ask.
 */
export async function clockAheadMs(link: NatsLink): Promise<number | undefined> {
  const askedAtMs = Date.now();
  try {
    const answer = await link.request(`$JS.API.STREAM.INFO.${STREAMS.alarms}`, "", ANSWER_MS_MAX);
    const halfwayMs = (askedAtMs + Date.now()) / 2;
    const { ts } = JSON.parse(answer) as { ts?: unknown };
    const serverMs = typeof ts === "string" ? Date.parse(ts) : Number.NaN;
    return Number.isNaN(serverMs) ? undefined : halfwayMs - serverMs;
  } catch {
    return undefined;
  }
}
