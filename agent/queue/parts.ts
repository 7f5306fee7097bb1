import type { SqliteDatabase } from "../../shared/sqlite/open.ts";
import { Aside } from "./aside.ts";
import { Changes } from "./changes.ts";
import { Claims } from "./claims.ts";
import { Counts } from "./counts.ts";
import { Damages } from "./damages.ts";
import { Epochs } from "./epochs.ts";
import type { Events } from "./events.ts";
import { Intake } from "./intake.ts";
import { Losses } from "./losses.ts";
import { Marks } from "./marks.ts";
import { Notices } from "./notices.ts";
import { Position } from "./position.ts";
import { Pruner } from "./pruner.ts";
import { Quarantine } from "./quarantine.ts";
import { Raises } from "./raises.ts";
import { Reader } from "./reader.ts";
import { Repeats } from "./repeats.ts";
import { type QueueLimits, Room } from "./room.ts";
import { Stages } from "./stages.ts";
import { Stalls } from "./stalls.ts";
import { Streams } from "./streams.ts";
import { Unsettled } from "./unsettled.ts";

export interface PartsOptions {
  agent: string;
  limits: QueueLimits;
  /** Until when an alarm is kept: until the hub says settled, or until the hub's ledger holds it. */
  custody: "center" | "hub";
  nowMs: () => number;
  /** How long the hub must stand still before PubAcks beyond its place count as lost. */
  stallMs?: number | undefined;
  /** Who listens to them stays when the parts are made anew. */
  events: Events;
}

/** What the queue is made of. Each part has its SQL; what it keeps of it in memory follows commits and rollbacks. */
export function makeParts(db: SqliteDatabase, { agent, limits, custody, nowMs, stallMs, events }: PartsOptions) {
  const counts = new Counts(db);
  const epochs = new Epochs(db, agent, counts.lastSeq, nowMs());
  const raises = new Raises(db);
  const repeats = new Repeats(db);
  const losses = new Losses(db);
  const damages = new Damages(db);
  const room = new Room(db, { limits, counts, losses });
  const quarantine = new Quarantine(db, counts);
  const notices = new Notices({ quarantine, losses, damages, epochs });
  const intake = new Intake(db, { counts, epochs, events, raises, repeats, room });
  const position = new Position(db);
  const claims = new Claims(db, counts, () => position.now.ledgerN);
  const marks = new Marks();
  const stages = new Stages(db, { counts, epochs, events, custody });
  const streams = new Streams(db);
  const changes = new Changes({ position, stages });
  const pruner = new Pruner(db, counts);
  const aside = new Aside(db);
  const reader = new Reader(db, epochs);
  const unsettled = new Unsettled(db);
  const stalls = new Stalls(stallMs);
  return {
    ...{ counts, epochs, events, raises, repeats, losses, room, quarantine, notices, intake, position, claims, marks },
    ...{ stages, streams, changes, pruner, aside, reader, unsettled, stalls },
    commit(): void {
      for (const part of [counts, quarantine, position, streams]) part.commit();
      epochs.settle(counts.lastSeq);
      marks.commit();
      // Listeners last: they may read what was committed.
      events.commit();
    },
    rollback(): void {
      for (const part of [counts, raises, quarantine, notices, position, marks, stages, streams, pruner, events]) {
        part.rollback();
      }
    },
  };
}

export type Parts = ReturnType<typeof makeParts>;
