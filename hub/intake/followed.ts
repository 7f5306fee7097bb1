import { PRIORITIES } from "../../shared/alarm/priority.ts";
import type { Followed } from "../../shared/wire/change.ts";

/** How far ALARMS has been followed, from the positions by lane; undefined before all lanes know their stream. */
export function followedOf(
  lanes: readonly ({ streamCreatedAt: string; seq: number } | undefined)[],
): Followed | undefined {
  const [first] = lanes;
  if (first === undefined || lanes.some((lane) => lane?.streamCreatedAt !== first.streamCreatedAt)) return undefined;
  const seqs = PRIORITIES.map((priority, lane) => [priority, lanes[lane]?.seq ?? 0]);
  return { streamCreatedAt: first.streamCreatedAt, lanes: Object.fromEntries(seqs) as Followed["lanes"] };
}
