import { expect, test } from "vitest";
import { laneOf } from "../../../shared/alarm/priority.ts";
import { type AlarmJob, HandlerPool } from "../../../shared/center/handler-pool.ts";
import { MemoryStore } from "../../../shared/center/state/memory-store.ts";
import type { AlarmRecord, Outcome } from "../../../shared/center/state/outcome-store.ts";
import { eventually } from "../../helpers/eventually.ts";
import { makeAlarms } from "./test-hub.ts";

/** A store on a disk that is full until the test makes room. */
class FullStore extends MemoryStore {
  isFull = true;

  override begin(records: readonly AlarmRecord[]): void {
    this.#refuse();
    super.begin(records);
  }

  override finish(record: AlarmRecord, outcome: Outcome): Promise<void> {
    try {
      this.#refuse();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return super.finish(record, outcome);
  }

  #refuse(): void {
    if (this.isFull) throw new Error("database or disk is full");
  }
}

function startPool(store: MemoryStore, call?: () => Promise<Outcome>) {
  const begun: string[] = [];
  const ended: string[] = [];
  const troubles: string[] = [];
  const pool = new HandlerPool<AlarmJob>({
    concurrency: 4,
    store,
    call: async ({ alarm }) => {
      begun.push(alarm.id);
      await call?.();
      return { kind: "received", reason: undefined, deliveredAttempt: 1 };
    },
    onOutcome: ({ alarm }) => ended.push(alarm.id),
    onTrouble: ({ message }) => troubles.push(message),
  });
  const add = (count: number): void => {
    for (const alarm of makeAlarms(count)) {
      const [record] = store.find([alarm.id]) as [AlarmRecord];
      pool.add({ alarm, lane: laneOf(alarm.priority), record, wire: { attempt: 1, deliveryCount: 1 } });
    }
  };
  return { pool, add, begun, ended, troubles };
}

test("while the store takes no marks no handler is called; then each is, once and in order", async () => {
  const store = new FullStore();
  const { add, begun, ended, troubles } = startPool(store);
  add(10);
  await eventually("the trouble is reported", () => troubles.length > 0);
  expect(begun).toEqual([]);
  expect(troubles[0]).toMatch(/disk is full/);
  store.isFull = false;
  await eventually("all are done", () => ended.length === 10);
  expect(begun).toEqual(makeAlarms(10).map(({ id }) => id));
});

test("an outcome that the store does not take is kept until it does; nothing is answered before", async () => {
  const store = new FullStore();
  store.isFull = false;
  const { add, begun, ended, troubles } = startPool(store, () => {
    store.isFull = true;
    return Promise.resolve() as Promise<never>;
  });
  add(1);
  await eventually("the trouble is reported", () => troubles.length > 0);
  expect(ended).toEqual([]);
  store.isFull = false;
  await eventually("it is answered", () => ended.length === 1);
  expect(begun).toHaveLength(1);
});

test("drain waits for what runs and starts nothing more", async () => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { pool, add, begun, ended } = startPool(new MemoryStore(), () => opened as Promise<never>);
  add(10);
  await eventually("some run", () => begun.length === 3);
  const drained = pool.drain();
  open();
  await drained;
  expect(begun).toHaveLength(3);
  expect(ended).toHaveLength(3);
});
