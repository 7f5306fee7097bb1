import type { StreamAdmin } from "../../shared/nats/streams.ts";
import { HEADERS } from "../../shared/wire/headers.ts";
import { STREAMS, SUBJECTS } from "../../shared/wire/subjects.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Position } from "../ledger/positions.ts";

/** A place of ALARMS, in the stream of that creation time. */
export type Place = Pick<Position, "streamCreatedAt" | "seq">;

/**
 * Up to where in ALARMS somebody else may have dispatched: undefined if the ledger knows the run of the hub that did so
 * last. Else it was lost, or an older copy was put back, and what it dispatches may come behind later alarms that its
 * centers have had from the other: all of that is to be marked.
 */
export async function dispatchedByAnother(
  ledger: Ledger,
  admin: Pick<StreamAdmin, "streamState" | "lastHeader">,
): Promise<Place | undefined> {
  const alarms = await admin.streamState(STREAMS.alarms);
  const deliveries = await admin.streamState(STREAMS.deliveries);
  if (alarms === undefined || deliveries === undefined) return undefined;
  const run = await admin.lastHeader(STREAMS.deliveries, SUBJECTS.allDeliveries, HEADERS.hubRun);
  const isKnown = run === undefined ? !ledger.runs.isFirst || deliveries.lastSeq === 0 : ledger.runs.knows(run);
  return isKnown ? undefined : { streamCreatedAt: alarms.createdAt, seq: alarms.lastSeq };
}
