/** Enough to keep a server busy, few enough not to be cut off by it as a slow client. */
const IN_FLIGHT = 500;

/** Publishes `count` alarms, each of which is confirmed, some at a time. */
export async function publishMany(count: number, publish: (i: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, count - first);
    await Promise.all(Array.from({ length: size }, (_, i) => publish(first + i)));
  }
}
