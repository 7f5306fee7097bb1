import type { Lane } from "../../shared/alarm/priority.ts";
import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";
import type { RoutingConfig } from "../routing/config.ts";
import { createRouter, type Router } from "../routing/route.ts";

/** Where in ALARMS a version begins: by lane, the last message that it does not count for. */
export type EffectiveAfter = readonly { streamCreatedAt: string; seq: number }[];

export interface ConfigVersion {
  version: number;
  routing: RoutingConfig;
  effectiveAfter: EffectiveAfter;
  router: Router;
}

/**
 * The versions of the routing that DECISIONS names. Each says from which alarm on it counts, so that every hub, and a
 * ledger that is built anew years later, routes each alarm by the version that was in force when it came.
 */
export class ConfigVersions {
  readonly #statements: ReturnType<typeof prepare>;
  #versions: ConfigVersion[] | undefined;

  constructor(db: SqliteDatabase) {
    this.#statements = prepare(db);
  }

  /** The version in force, or undefined before the first. */
  get current(): ConfigVersion | undefined {
    return this.#all()[0];
  }

  /** The router for an alarm at that place of ALARMS. */
  routerAt(streamCreatedAt: string, lane: Lane, seq: number): Router {
    const versions = this.#all();
    const found = versions.find(({ effectiveAfter }) => {
      const after = effectiveAfter[lane];
      return after === undefined || after.streamCreatedAt !== streamCreatedAt || seq > after.seq;
    });
    const version = found ?? versions.at(-1);
    if (version === undefined) throw new Error("an alarm was followed before any configuration");
    return version.router;
  }

  /**
   * The oldest version by which something in that stream of ALARMS from `firstSeq` on is routed; 0 if it cannot be
   * told. What is older is over.
   */
  oldestNeeded(streamCreatedAt: string, firstSeq: number): number {
    const coversAll = ({ effectiveAfter }: ConfigVersion): boolean =>
      effectiveAfter.every((after) => after.streamCreatedAt !== streamCreatedAt || after.seq < firstSeq);
    return this.#all().find(coversAll)?.version ?? 0;
  }

  /** Adds a version; one that is known already is passed over. To be called inside a transaction. */
  add(version: number, routing: RoutingConfig, effectiveAfter: EffectiveAfter, atMs: number): void {
    this.#statements.add.run(version, JSON.stringify(routing), JSON.stringify(effectiveAfter), atMs);
    this.forget();
  }

  /** Drops what is in memory, after a transaction that failed. */
  forget(): void {
    this.#versions = undefined;
  }

  /** Newest first. */
  #all(): ConfigVersion[] {
    this.#versions ??= this.#statements.all.all().map((row) => {
      const routing = JSON.parse(row.body) as RoutingConfig;
      const effectiveAfter = JSON.parse(row.effective_after) as EffectiveAfter;
      return { version: row.version, routing, effectiveAfter, router: createRouter(routing) };
    });
    return this.#versions;
  }
}

function prepare(db: SqliteDatabase) {
  return {
    all: db.prepare("SELECT version, body, effective_after FROM config ORDER BY version DESC") as Statement<
      [],
      { version: number; body: string; effective_after: string }
    >,
    add: db.prepare("INSERT OR IGNORE INTO config (version, body, effective_after, published_at) VALUES (?, ?, ?, ?)"),
  };
}
