import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../shared/runtime/errors.ts";

/**
 * Waits for a fact: calls `fn` until it neither throws nor resolves with `false`, `undefined` or `null`, and returns its value. After
 * `timeoutMs` it throws an error that names the fact and what the last try said.
 */
export async function eventually<T>(
  name: string,
  fn: () => Promise<T> | T,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { timeoutMs = 10_000, everyMs = 20 } = options;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    let last: string;
    try {
      const value = await fn();
      if (value !== false && value !== undefined && value !== null) return value as NonNullable<Exclude<T, false>>;
      last = `it was ${String(value)}`;
    } catch (error) {
      last = messageOf(error);
    }
    if (performance.now() >= endMs) throw new Error(`not within ${timeoutMs} ms: ${name} (${last})`);
    await sleep(everyMs);
  }
}
