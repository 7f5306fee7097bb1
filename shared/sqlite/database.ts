import Database from "better-sqlite3";

/**
 * Everything of better-sqlite3 that was ever made, for as long as the process lives. In Node 24.19 and later the process
 * aborts when one of its objects is garbage-collected at a moment without a JavaScript context (better-sqlite3 issue
 * 1515): so none of them ever is. Statements are therefore prepared once and kept; without this
 * `test/shared/sqlite/database.test.ts` aborts there. Nor does `iterate` belong on a path that is taken often: each
 * call makes one more object.
 */
const kept: object[] = [];

interface Pragma {
  reader: boolean;
  all(): unknown[];
  run(): unknown;
}

/** A connection to a SQLite file. The only place that makes one. */
export class SqliteConnection extends Database {
  readonly #pragmas = new Map<string, Pragma>();

  constructor(path: string, options: Database.Options = {}) {
    super(path, options);
    kept.push(this);
    const prepare = this.prepare.bind(this) as (sql: string) => Pragma;
    this.prepare = ((sql: string) => {
      const statement = prepare(sql);
      kept.push(statement);
      return statement;
    }) as typeof this.prepare;
  }

  /** As the library's own, with one statement per text. */
  override pragma(source: string, options: Database.PragmaOptions = {}): unknown {
    let statement = this.#pragmas.get(source);
    if (statement === undefined) {
      statement = this.prepare(`PRAGMA ${source}`) as unknown as Pragma;
      this.#pragmas.set(source, statement);
    }
    if (!statement.reader) {
      statement.run();
      return options.simple === true ? undefined : [];
    }
    const rows = statement.all();
    if (options.simple !== true) return rows;
    const [first] = rows as Record<string, unknown>[];
    return first === undefined ? undefined : Object.values(first)[0];
  }
}

const preparedByText = new WeakMap<Database.Database, Map<string, Database.Statement>>();

/** Prepares SQL that is put together when it is needed: each text once per connection. Not for `iterate` or `pluck`. */
export function prepareOnce<Bind extends unknown[], Row>(
  db: Database.Database,
  sql: string,
): Database.Statement<Bind, Row> {
  let prepared = preparedByText.get(db);
  if (prepared === undefined) {
    prepared = new Map();
    preparedByText.set(db, prepared);
  }
  let statement = prepared.get(sql);
  if (statement === undefined) {
    statement = db.prepare(sql);
    prepared.set(sql, statement);
  }
  return statement as unknown as Database.Statement<Bind, Row>;
}
