import type { RollCall } from "../nats/roll-call.ts";
import { RelayError } from "../runtime/errors.ts";

/** Long enough for an answer from the other end of the world. */
const ANSWER_WAIT_MS = 400;

/**
 * Makes sure that nobody else listens as this center: two would share its alarms, each with its own memory of what was
 * handled. We answer before we ask, so of two that start together each hears of the other; the lower instance stays.
 * Throws `center_in_use`.
 */
export async function becomeSoleListener(rollCall: RollCall, center: string, self: string): Promise<void> {
  const others = await rollCall.others(ANSWER_WAIT_MS);
  if (others.some((other) => other.established || other.instance < self)) throw inUse(center);
}

/**
 * Looks again after a reconnect, since another may have begun to listen while we could not be heard. Returns what to
 * report; we go on, because the other one may be the one that stops.
 */
export async function findRival(rollCall: RollCall, center: string): Promise<Error | undefined> {
  const others = await rollCall.others(ANSWER_WAIT_MS).catch(() => []);
  return others.some((other) => other.established) ? inUse(center) : undefined;
}

function inUse(center: string): RelayError {
  return new RelayError("center_in_use", `another process listens as center ${center}`, {
    hint: "stop it, choose another id, or let both share the alarms with --share",
  });
}
