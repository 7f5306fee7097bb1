import type { StreamAdmin, StreamSpec } from "../../shared/nats/streams.ts";
import { STREAMS, SUBJECTS } from "../../shared/wire/subjects.ts";
import { WINDOW_FRAMES_MAX } from "../delivery/frame.ts";

/** ALARMS refuses beyond this, and the agents keep what it does not take. */
const ALARMS_BYTES_MAX = 4 * 2 ** 30;
/** The same for RECEIPTS and centers. One by one, the receipts of an alarm take about as much as the alarm itself. */
const RECEIPTS_BYTES_MAX = 4 * 2 ** 30;
/** Ten years of a new version of the routing a day, at 64 KiB each, and some room. */
const DECISIONS_BYTES_MAX = 256 * 2 ** 20;

/**
 * The streams of the relay. The logs have no limit of age, and refuse when they are full instead of dropping their
 * oldest; LogTrimmer keeps them from it. DELIVERIES is a window: a ring of the last frames per subject, which the dispatcher never overruns.
 */
function specs(replicas: number): readonly StreamSpec[] {
  return [
    {
      name: STREAMS.decisions,
      subjects: [SUBJECTS.allDecisions],
      discard: "new",
      bytesMax: DECISIONS_BYTES_MAX,
      replicas,
    },
    {
      name: STREAMS.receipts,
      subjects: [SUBJECTS.allReceipts],
      discard: "new",
      bytesMax: RECEIPTS_BYTES_MAX,
      replicas,
    },
    {
      name: STREAMS.deliveries,
      subjects: [SUBJECTS.allDeliveries],
      discard: "old",
      messagesPerSubjectMax: WINDOW_FRAMES_MAX,
      replicas,
      isWindow: true,
    },
    // Last: once agents can publish, everything that answers them is there.
    { name: STREAMS.alarms, subjects: [SUBJECTS.allAlarms], discard: "new", bytesMax: ALARMS_BYTES_MAX, replicas },
  ];
}

/** Creates the streams that are missing. Concurrent calls share one pass over them. */
export function streamKeeper(admin: StreamAdmin, replicas: number): () => Promise<void> {
  let passing: Promise<void> | undefined;
  const pass = async (): Promise<void> => {
    for (const spec of specs(replicas)) await admin.ensureStream(spec);
  };
  return () => {
    passing ??= pass().finally(() => {
      passing = undefined;
    });
    return passing;
  };
}
