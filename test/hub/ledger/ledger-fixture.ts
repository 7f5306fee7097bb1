import type { DeliveryEvent } from "../../../hub/delivery/state.ts";
import { Ledger } from "../../../hub/ledger/ledger.ts";
import { type LedgerReader, openLedgerReader } from "../../../hub/ledger/read/reader.ts";
import type { Route } from "../../../hub/routing/config.ts";
import { createRouter, type Router } from "../../../hub/routing/route.ts";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { conditionOf } from "../../../shared/alarm/condition.ts";
import { parseAlarmId } from "../../../shared/alarm/identity.ts";
import { laneOf, priorityOfCategory } from "../../../shared/alarm/priority.ts";
import { formatTime } from "../../../shared/alarm/time.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";

/** The time at which the fixture's clock starts. */
export const T0 = Date.parse("2026-03-01T12:00:00.000Z");
export const CENTERS = ["arc-north", "arc-south"];

/** A real ledger in a folder of the test, filled through its own writer, and the reader under test. */
export interface LedgerFixture {
  ledger: Ledger;
  reader: LedgerReader;
  /** Holds one alarm and returns its id. */
  hold(alarm: Partial<Alarm> & { seq: number }, atMs?: number): Promise<string>;
  /** Holds high alarms with these numbers in one transaction. */
  holdMany(firstSeq: number, lastSeq: number, given?: Partial<Alarm>): Promise<void>;
  /** Notes dispatches of all that waits for `center`, as one frame. */
  dispatch(center: string, atMs?: number): Promise<void>;
  happen(event: DeliveryEvent, center: string, ids: string[], more?: Happening): Promise<void>;
}

interface Happening {
  atMs?: number;
  operator?: string;
  note?: string;
  reason?: string;
}

export function ledgerFixture(routes: readonly Route[] = [], dataDir = tempDir("ledger")): LedgerFixture {
  const router = createRouter({
    centers: CENTERS.map((id) => ({ id, framing: "batch" })),
    routes,
    defaultRoute: { name: "default", deliver: { to: CENTERS, require: 2 }, continue: false },
  });
  const ledger = new Ledger(dataDir);
  whenTestFinished(() => ledger.close());
  const listeners = new Set<() => void>();
  ledger.onCommit(({ changes }) => {
    if (changes.size > 0) for (const listener of listeners) listener();
  });
  const reader = openLedgerReader({
    path: ledger.path,
    run: ledger.run,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  whenTestFinished(() => reader.close());
  return { ledger, reader, ...writes(ledger, router) };
}

function writes(ledger: Ledger, router: Router): Pick<LedgerFixture, "hold" | "holdMany" | "dispatch" | "happen"> {
  let frameSeq = 0;
  return {
    hold: async ({ seq, ...given }, atMs = T0 + seq * 1_000) => {
      const alarm = makeAlarm(seq, given, atMs);
      const lane = laneOf(alarm.priority);
      const alarms = [{ alarm, encoded: JSON.stringify(alarm) }];
      const frame = { agent: alarm.agent, lane, relayedAgain: false, isMarked: false, alarms, router };
      await ledger.write(() => ledger.hold(frame, atMs));
      return alarm.id;
    },
    holdMany: async (firstSeq, lastSeq, given = {}) => {
      const alarms = Array.from({ length: lastSeq - firstSeq + 1 }, (_, i) => {
        const alarm = makeAlarm(firstSeq + i, given, T0);
        return { alarm, encoded: JSON.stringify(alarm) };
      });
      await ledger.write(() =>
        ledger.hold({ agent: "gw-1", lane: 1, relayedAgain: false, isMarked: false, alarms, router }, T0),
      );
    },
    dispatch: async (center, atMs = T0 + 100_000) => {
      await ledger.write(() => {
        const centerId = ledger.names.centerId(center);
        for (const lane of [0, 1, 2, 3] as const) {
          const { n, ordinal } = ledger.outbox.cursor(centerId, lane);
          const items = ledger.outbox.take(centerId, lane, n, { alarmsMax: 1_000, bytesMax: 1e9 });
          if (items.length === 0) continue;
          const frame = { centerId, lane, frameSeq: ++frameSeq, ordinal: ordinal + 1, items };
          ledger.outbox.dispatched(frame, { atMs, advance: true });
        }
      });
    },
    happen: async (event, center, ids, { atMs = T0 + 200_000, ...more } = {}) => {
      await ledger.write(() => {
        const centerId = ledger.names.centerId(center);
        ledger.deliveries.apply({ event, centerId, atMs, ...more }, ledger.refs.find(ids).found);
      });
    },
  };
}

function makeAlarm(seq: number, given: Partial<Alarm>, atMs: number): Alarm {
  const id = given.id ?? `${given.agent ?? "gw-1"}.e1.${seq}`;
  const category = given.category ?? "intrusion";
  return {
    point: `zone-${seq}`,
    condition: conditionOf({ category, ...given }),
    event: "raised",
    priority: priorityOfCategory(category),
    acceptedAt: formatTime(atMs - 50),
    ...given,
    id,
    agent: parseAlarmId(id)?.agent ?? "",
    category,
  };
}
