/**
 * SQL for the room that a row keeps for what it will be told (schema.ts), by the bytes that SQLite's record format takes
 * for it: 6 for a time in milliseconds, up to 3 for the place of a frame.
 */
export const RESERVE = {
  /** Of an alarm: when it was settled, and when it was closed. */
  untilSettled: "zeroblob(12)",
  untilClosed: "zeroblob(6)",
  /** Of a delivery: its frame, and the times of its dispatch and of its reception. */
  untilDispatched: "zeroblob(15)",
  /** Of a delivery in a frame. */
  untilReceived: "zeroblob(6)",
} as const;
