import type { SqliteDatabase, Statement } from "../../shared/sqlite/open.ts";

/** The number that stands for a route in the rows of alarms, and the centers behind it. */
export interface RouteRow {
  id: number;
  name: string;
  centers: string[];
  required: number;
}

/**
 * The small numbers that stand for names in the ledger's rows. They are looked up once and kept in memory; `forget()`
 * drops what a transaction that failed may have added.
 */
export class Names {
  readonly #db: SqliteDatabase;
  readonly #agents = new Map<string, number>();
  readonly #epochs = new Map<string, number>();
  readonly #centers = new Map<string, number>();
  readonly #centerNames = new Map<number, string>();
  readonly #agentNames = new Map<number, string>();
  readonly #routes = new Map<string, RouteRow>();
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: SqliteDatabase) {
    this.#db = db;
    this.#statements = prepare(this.#db);
  }

  agentId(name: string, nowMs: number): number {
    return remember(this.#agents, name, () => {
      this.#statements.addAgent.run(name, nowMs);
      return idOf(this.#statements.agent.get(name));
    });
  }

  /** The agent's number, or undefined if the ledger has never heard of it. */
  knownAgentId(name: string): number | undefined {
    return this.#agents.get(name) ?? this.#statements.agent.get(name)?.id;
  }

  agentName(id: number): string {
    return remember(this.#agentNames, id, () => this.#statements.agentName.get(id)?.name ?? `agent ${id}`);
  }

  epochId(agentId: number, epoch: string): number {
    return remember(this.#epochs, `${agentId}.${epoch}`, () => {
      this.#statements.addEpoch.run(agentId, epoch);
      return idOf(this.#statements.epoch.get(agentId, epoch));
    });
  }

  knownEpochId(agentId: number, epoch: string): number | undefined {
    return this.#epochs.get(`${agentId}.${epoch}`) ?? this.#statements.epoch.get(agentId, epoch)?.id;
  }

  centerId(name: string): number {
    return remember(this.#centers, name, () => {
      this.#statements.addCenter.run(name);
      return idOf(this.#statements.center.get(name));
    });
  }

  knownCenterId(name: string): number | undefined {
    return this.#centers.get(name) ?? this.#statements.center.get(name)?.id;
  }

  centerName(id: number): string {
    return remember(this.#centerNames, id, () => this.#statements.centerName.get(id)?.name ?? `center ${id}`);
  }

  /** Every center that was ever declared. */
  centers(): { id: number; name: string }[] {
    return this.#statements.allCenters.all();
  }

  route(name: string, centers: readonly string[], required: number): RouteRow {
    const list = JSON.stringify(centers);
    return remember(this.#routes, `${name}\n${list}\n${required}`, () => {
      this.#statements.addRoute.run(name, list, required);
      const id = idOf(this.#statements.route.get(name, list, required));
      return { id, name, centers: [...centers], required };
    });
  }

  routeById(id: number): RouteRow {
    const row = this.#statements.routeById.get(id);
    if (row === undefined) throw new Error(`the ledger has no route ${id}`);
    return { id, name: row.name, centers: JSON.parse(row.centers) as string[], required: row.required };
  }

  forget(): void {
    for (const ids of [this.#agents, this.#epochs, this.#centers]) ids.clear();
    for (const names of [this.#agentNames, this.#centerNames]) names.clear();
    this.#routes.clear();
  }
}

function prepare(db: SqliteDatabase) {
  type Id = { id: number };
  return {
    addAgent: db.prepare("INSERT OR IGNORE INTO agent (name, first_seen_at) VALUES (?, ?)"),
    agent: db.prepare("SELECT id FROM agent WHERE name = ?") as Statement<[string], Id>,
    agentName: db.prepare("SELECT name FROM agent WHERE id = ?") as Statement<[number], { name: string }>,
    addEpoch: db.prepare("INSERT OR IGNORE INTO epoch (agent_id, name) VALUES (?, ?)"),
    epoch: db.prepare("SELECT id FROM epoch WHERE agent_id = ? AND name = ?") as Statement<[number, string], Id>,
    addCenter: db.prepare("INSERT OR IGNORE INTO center (name) VALUES (?)"),
    center: db.prepare("SELECT id FROM center WHERE name = ?") as Statement<[string], Id>,
    centerName: db.prepare("SELECT name FROM center WHERE id = ?") as Statement<[number], { name: string }>,
    allCenters: db.prepare("SELECT id, name FROM center ORDER BY id") as Statement<[], { id: number; name: string }>,
    addRoute: db.prepare("INSERT OR IGNORE INTO route (name, centers, required) VALUES (?, ?, ?)"),
    route: db.prepare("SELECT id FROM route WHERE name = ? AND centers = ? AND required = ?") as Statement<
      [string, string, number],
      Id
    >,
    routeById: db.prepare("SELECT name, centers, required FROM route WHERE id = ?") as Statement<
      [number],
      { name: string; centers: string; required: number }
    >,
  };
}

function remember<K, V>(cache: Map<K, V>, key: K, load: () => V): V {
  let value = cache.get(key);
  if (value === undefined) {
    value = load();
    cache.set(key, value);
  }
  return value;
}

function idOf(row: { id: number } | undefined): number {
  if (row === undefined) throw new Error("a row that was just stored is not there");
  return row.id;
}
