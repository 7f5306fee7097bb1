import { LANES, type Lane } from "../../shared/alarm/priority.ts";
import type { StreamAdmin } from "../../shared/nats/streams.ts";
import { laneAlarmsSubject, STREAMS, SUBJECTS } from "../../shared/wire/subjects.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Bounds } from "../ledger/log-marks.ts";
import { NO_LANE } from "../ledger/positions.ts";
import { DECISION_FILTERS } from "./decisions.ts";

/** What of a log is trimmed by itself. */
interface TrimmedPart {
  filter: string;
  /** The lane under which its position is kept. */
  lane: number;
}

export interface TrimStep {
  /** What of a part may go. */
  bounds: (part: TrimmedPart) => Bounds | Promise<Bounds>;
  /** What that costs, in words for an alarm, where it is not free. */
  cost?: string;
}

/** How a log is kept from staying full. */
export interface TrimmedLog {
  stream: string;
  parts: readonly TrimmedPart[];
  /** What goes, the cheapest first; the next only while the log is still too full. */
  steps: readonly TrimStep[];
  /** Why it may fill nevertheless, and what happens then, in words for an alarm. */
  filled: string;
}

interface Parts {
  ledger: Ledger;
  admin: Pick<StreamAdmin, "streamState" | "firstMessage">;
}

/** First what is settled, then what the ledger holds: the agents keep that until it is settled. */
export function trimmedAlarms({ ledger: { marks } }: Pick<Parts, "ledger">): TrimmedLog {
  return {
    stream: STREAMS.alarms,
    parts: LANES.map((lane) => ({ filter: laneAlarmsSubject(lane), lane })),
    steps: [{ bounds: ({ lane }) => ({ belowN: marks.oldestUnsettledN(lane as Lane) }) }, { bounds: () => ({}) }],
    filled: "what lies there is not settled yet. At its limit, gateways keep their alarms",
  };
}

/**
 * A ledger that is built anew folds ALARMS and then RECEIPTS: it takes an alarm whose receipts are missing for one that
 * nobody has. So first go receipts of alarms that ALARMS holds no more, of which it learns nothing anyway: of closed
 * ones, then of settled ones. Then go those of closed alarms, which it would dispatch again; and at last all that is
 * applied.
 */
export function trimmedReceipts(parts: Parts): TrimmedLog {
  const { marks } = parts.ledger;
  return {
    stream: STREAMS.receipts,
    parts: [{ filter: SUBJECTS.allReceipts, lane: NO_LANE }],
    steps: [
      { bounds: async () => ({ belowN: marks.oldestOpenN, beforeMs: await oldestAlarmAtMs(parts) }) },
      { bounds: async () => ({ belowN: marks.oldestUnsettledN(), beforeMs: await oldestAlarmAtMs(parts) }) },
      { bounds: () => ({ belowN: marks.oldestOpenN }) },
      {
        bounds: () => ({}),
        cost: "after a loss of the ledger, open alarms may count as not received and not acknowledged",
      },
    ],
    filled: "what lies there is not applied yet. At its limit, centers keep their receipts",
  };
}

/**
 * Versions of the routing stay as long as something in ALARMS is routed by them, and the one in force always. Of the
 * deliveries that somebody had tried again, those of closed alarms go first.
 */
export function trimmedDecisions({ ledger: { marks, configs }, admin }: Parts): TrimmedLog {
  const oldestVersion = async (): Promise<number> => {
    const alarms = await admin.streamState(STREAMS.alarms);
    return alarms === undefined ? 0 : configs.oldestNeeded(alarms.createdAt, alarms.firstSeq);
  };
  const bounds = async ({ filter }: TrimmedPart, ofRedriven: Bounds): Promise<Bounds> =>
    filter === DECISION_FILTERS.config ? { belowN: await oldestVersion() } : ofRedriven;
  return {
    stream: STREAMS.decisions,
    parts: Object.values(DECISION_FILTERS).map((filter) => ({ filter, lane: NO_LANE })),
    steps: [
      { bounds: (part) => bounds(part, { belowN: marks.oldestOpenN }) },
      {
        bounds: (part) => bounds(part, {}),
        cost: "after a loss of the ledger, deliveries that were tried again may count as dead",
      },
    ],
    filled:
      "what lies there is in use. At its limit, new routes do not come into force and nothing dead is tried again",
  };
}

/**
 * When the oldest message was stored that ALARMS still holds; infinite if there is none. A receipt is stored after the
 * alarms that it names: those of an older one are gone. A lane's last message, which trimming leaves there, does not
 * count, or a lane in which nothing happens would keep all receipts.
 */
async function oldestAlarmAtMs({ ledger, admin }: Parts): Promise<number> {
  let oldestMs = Infinity;
  for (const lane of LANES) {
    const first = await admin.firstMessage(STREAMS.alarms, laneAlarmsSubject(lane));
    const followedSeq = ledger.positions.get(STREAMS.alarms, lane)?.seq;
    if (first !== undefined && first.seq !== followedSeq) oldestMs = Math.min(oldestMs, first.atMs);
  }
  return oldestMs;
}
