import type { Page } from "../ledger/read/views.ts";

/** Asks for pages until `limit` items are there: a page may be short, or empty, although more follows. */
export async function collect<T>(
  limit: number,
  start: string | undefined,
  ask: (left: number, cursor: string | undefined) => Promise<Page<T>>,
): Promise<Page<T>> {
  const items: T[] = [];
  let cursor = start;
  for (;;) {
    const page = await ask(limit - items.length, cursor);
    items.push(...page.items);
    if (page.nextCursor === undefined) return { items };
    cursor = page.nextCursor;
    if (items.length >= limit) return { items, nextCursor: cursor };
  }
}
