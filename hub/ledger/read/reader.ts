import type { SqliteDatabase, Statement } from "../../../shared/sqlite/open.ts";
import { openSqliteReader } from "../../../shared/sqlite/read.ts";
import { Runs } from "../runs.ts";
import { AgentReads, type AgentRecord } from "./agents.ts";
import type { AlarmFilter } from "./alarm-filter.ts";
import { AlarmReads } from "./alarms.ts";
import { type DeadFilter, DeadReads } from "./dead.ts";
import { type EventPage, type EventPosition, EventReads } from "./events.ts";
import { type CenterBacklog, OutletReads } from "./outlets.ts";
import type { AlarmDetails, AlarmView, DeadView, Page } from "./views.ts";

interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

/**
 * What those who look at the ledger may ask. Each call answers at once from the file, in bounded time whatever the
 * size of the ledger; one that gets a cursor throws `bad_request` for what is none.
 */
export interface LedgerReader {
  /** The run of the hub: a number of an event is told with it. */
  readonly run: string;
  alarms(filter: AlarmFilter, page: PageRequest): Page<AlarmView>;
  alarm(id: string): AlarmDetails | undefined;
  dead(filter: DeadFilter): Page<DeadView>;
  /** The agents behind a name, in the order of their names. */
  agents(afterName: string, limit: number): AgentRecord[];
  agentCount(): number;
  backlog(center: string): CenterBacklog;
  openAlarms(): number;
  events(position: EventPosition, limit: number): EventPage;
  eventsEnd(): EventPosition;
  eventsAt(sinceMs: number): EventPosition;
  /** Whether what was told up to `position`, by the hub in `run`, is what this ledger has told. */
  hasToldEvent(run: string, position: EventPosition): boolean;
  /** The oldest change that is kept; undefined if there is none. */
  oldestEvent(): number | undefined;
  /** Calls `listener` after each commit that may have added changes; returns how to stop that. */
  subscribe(listener: () => void): () => void;
  close(): void;
}

export interface LedgerReaderOptions {
  /** The ledger's file, which its writer has open. */
  path: string;
  run: string;
  subscribe(listener: () => void): () => void;
}

/** Opens a connection of its own that can only read. Throws `store_failed`. */
export function openLedgerReader(options: LedgerReaderOptions): LedgerReader {
  return new SqliteLedgerReader(options);
}

class SqliteLedgerReader implements LedgerReader {
  readonly run: string;
  readonly subscribe: (listener: () => void) => () => void;
  readonly #db: SqliteDatabase;
  readonly #alarms: AlarmReads;
  readonly #dead: DeadReads;
  readonly #agents: AgentReads;
  readonly #outlets: OutletReads;
  readonly #events: EventReads;
  readonly #runs: Runs;
  readonly #openAlarms: Statement<[], { found: number }>;

  constructor({ path, run, subscribe }: LedgerReaderOptions) {
    this.run = run;
    this.subscribe = subscribe;
    this.#db = openSqliteReader(path);
    this.#alarms = new AlarmReads(this.#db);
    this.#dead = new DeadReads(this.#db);
    this.#agents = new AgentReads(this.#db);
    this.#outlets = new OutletReads(this.#db);
    this.#events = new EventReads(this.#db);
    this.#runs = new Runs(this.#db);
    this.#openAlarms = this.#db.prepare(
      "SELECT count(*) AS found FROM alarm INDEXED BY alarm_open WHERE closed_at IS NULL",
    ) as Statement<[], { found: number }>;
  }

  alarms(filter: AlarmFilter, page: PageRequest): Page<AlarmView> {
    return this.#snapshot(() => this.#alarms.list(filter, page));
  }

  alarm(id: string): AlarmDetails | undefined {
    return this.#snapshot(() => this.#alarms.get(id));
  }

  dead(filter: DeadFilter): Page<DeadView> {
    return this.#snapshot(() => this.#dead.list(filter));
  }

  agents(afterName: string, limit: number): AgentRecord[] {
    return this.#snapshot(() => this.#agents.list(afterName, limit));
  }

  agentCount(): number {
    return this.#agents.count();
  }

  backlog(center: string): CenterBacklog {
    return this.#snapshot(() => this.#outlets.backlog(center));
  }

  openAlarms(): number {
    return this.#openAlarms.get()?.found ?? 0;
  }

  events(position: EventPosition, limit: number): EventPage {
    return this.#snapshot(() => this.#events.page(position, limit));
  }

  eventsEnd(): EventPosition {
    return this.#events.end();
  }

  eventsAt(sinceMs: number): EventPosition {
    return this.#events.positionAt(sinceMs);
  }

  hasToldEvent(run: string, position: EventPosition): boolean {
    return this.#runs.reaches(run, position.event);
  }

  oldestEvent(): number | undefined {
    return this.#events.oldest();
  }

  close(): void {
    this.#db.close();
  }

  /** What one answer says belongs to one moment. */
  #snapshot<T>(read: () => T): T {
    return this.#db.transaction(read).deferred();
  }
}
