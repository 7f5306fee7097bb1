import type { StreamAdmin } from "../../shared/nats/streams.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Position } from "../ledger/positions.ts";

/** The times that the server gives a message by two ways may differ by a rounding. */
const SAME_MS = 1;

/**
 * Finds out whether a position still counts: a stream may have been created anew, or restored to an older state and
 * written on, while nobody looked; then its sequences are used a second time for other messages. A position carries
 * the stream's creation time and the time of its message for this. Where they do not match, `reset` says why, and
 * the position that comes back is the stream's start; what the ledger holds already is passed over on the way.
 */
export async function checkPosition(
  admin: Pick<StreamAdmin, "streamState" | "messageAtMs">,
  stream: string,
  position: Position | undefined,
): Promise<{ position: Position; reset?: string }> {
  const state = await admin.streamState(stream);
  if (state === undefined) throw new RelayError("not_connected", `the stream ${stream} is not there`);
  const start: Position = { streamCreatedAt: state.createdAt, seq: 0, messageAtMs: 0 };
  if (position === undefined) return { position: start, reset: "it has never been followed" };
  if (position.streamCreatedAt !== state.createdAt) return { position: start, reset: "it was created anew" };
  if (position.seq === 0) return { position };
  if (position.seq > state.lastSeq) return { position: start, reset: "it was rolled back" };
  const atMs = await admin.messageAtMs(stream, position.seq);
  // A message that has been trimmed says nothing; one that is there must be the one that was followed.
  if (atMs !== undefined && Math.abs(atMs - position.messageAtMs) > SAME_MS) {
    return { position: start, reset: "it was rolled back and written on" };
  }
  return { position };
}
