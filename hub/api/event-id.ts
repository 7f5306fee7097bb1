import type { EventPosition } from "../ledger/read/events.ts";

/** A place in the stream of events, and the run of the hub in which it was told. */
interface ToldPosition {
  run: string;
  position: EventPosition;
}

/**
 * Writes a place in the stream of events as the id of a server-sent event: `<run>-<change>`, or
 * `<run>-<change>-<alarms>` in the middle of a change that concerns many alarms. Changes are numbered within one
 * ledger, and a copy of it that was put back numbers some again: the run of the hub says what a number means.
 */
export function formatEventId({ run, position: { event, done } }: ToldPosition): string {
  const id = `${run}-${event}`;
  return done === undefined ? id : `${id}-${done}`;
}

/** The place that an id names, which may be of another ledger; undefined if it is no such id. */
export function parseEventId(id: string): ToldPosition | undefined {
  // Eight digits stood for the ledger before there were runs.
  const [, run, change, done] = /^([0-9a-f]{8,16})-(\d{1,15})(?:-(\d{1,9}))?$/.exec(id) ?? [];
  if (run === undefined) return undefined;
  const event = Number(change);
  return { run, position: done === undefined ? { event } : { event, done: Number(done) } };
}
