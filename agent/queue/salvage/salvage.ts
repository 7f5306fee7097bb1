import type { SqliteDatabase } from "../../../shared/sqlite/open.ts";
import { openNothing, tryRead } from "../../../shared/sqlite/salvage.ts";
import { Alarms } from "./alarms.ts";
import { isCount } from "./keys.ts";
import { type KnownEpochs, SeenEpochs } from "./seen-epochs.ts";
import { Tables } from "./tables.ts";

/** What became of the alarms of a damaged file. */
export interface Salvage {
  saved: number;
  /** Saved without their stages: they begin anew and are relayed again. */
  rebuilt: number;
  lost: number;
  /** Tables that could not be read to their end. */
  parts: string[];
}

/**
 * Copies from a damaged queue into a new, empty one whatever SQLite can read, row by row. An alarm's text carries its
 * id, so that it keeps its old identity even where nothing but its text was readable; its stages then begin anew, and
 * the hub, which knows what it has seen, takes it once. Epochs are kept, so that seqs continue above the highest seen.
 *
 * To be called inside a transaction of `to`.
 */
export function salvageQueue(
  from: SqliteDatabase | undefined,
  to: SqliteDatabase,
  agent: string,
  known?: KnownEpochs,
): Salvage {
  // A file that cannot even be opened is like one without tables.
  const source = from ?? openNothing();
  try {
    return copyAll(source, to, agent, known);
  } finally {
    if (from === undefined) source.close();
  }
}

function copyAll(from: SqliteDatabase, to: SqliteDatabase, agent: string, known: KnownEpochs | undefined): Salvage {
  const tables = new Tables(from, to);
  const epochs = new SeenEpochs(known);
  if (!epochs.read(from)) tables.unreadable.add("epoch");
  // First: what else goes into quarantine gets numbers above.
  tables.copyKeyed();
  const { rebuilt, lost, hasAllStates } = new Alarms(from, to, { agent, epochs }).copy(tables);
  const isDelivered = tables.copyOrdered();
  tables.copyLedgers();
  if (!copyPosition(from, to, hasAllStates && isDelivered)) tables.unreadable.add("custody");
  epochs.write(to);
  const saved = to.prepare("SELECT count(*) FROM alarm").pluck().get() as number;
  return { saved, rebuilt, lost, parts: [...tables.unreadable] };
}

/**
 * How far the hub's changes were applied holds only if nothing is missing of what they did; else it tells all again.
 * False if it could not be read.
 */
function copyPosition(from: SqliteDatabase, to: SqliteDatabase, isComplete: boolean): boolean {
  const select = "SELECT ledger, run, ledger_n AS ledgerN, change_n AS changeN FROM custody";
  const row = tryRead(() => from.prepare(select).get()) as
    | { ledger: unknown; run: unknown; ledgerN: unknown; changeN: unknown }
    | undefined;
  const isNamed = typeof row?.ledger === "string" && typeof row.run === "string";
  if (row === undefined || !isNamed || !isCount(row.ledgerN) || !isCount(row.changeN)) {
    // The new ledger number must be none that a row stands under.
    const ledgers = to.prepare("SELECT coalesce(max(ledger_n), 0) FROM alarm").pluck().get() as number;
    to.prepare("UPDATE custody SET ledger_n = ?").run(ledgers);
    return false;
  }
  to.prepare("UPDATE custody SET ledger = ?, run = ?, ledger_n = ?, change_n = ?").run(
    row.ledger,
    row.run,
    row.ledgerN,
    isComplete ? row.changeN : 0,
  );
  return true;
}
