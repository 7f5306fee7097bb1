import { join } from "node:path";
import { messageOf } from "../../shared/runtime/errors.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import { isDamage, setAside } from "../../shared/sqlite/damage.ts";
import { cannotUse } from "../../shared/sqlite/open.ts";
import { LEDGER_FILE, Ledger } from "./ledger.ts";
import type { LedgerObserver } from "./observer.ts";

/**
 * Opens the ledger. One that is damaged is set aside under a name with the time, and a new one is built from the logs
 * and the agents; an own alarm tells. Throws as `openSqlite`. `damage` says that the file in use was found damaged, and how.
 */
export async function openLedger(
  dataDir: string,
  { observer, log, damage }: { observer: LedgerObserver; log: Logger; damage: string | undefined },
): Promise<Ledger> {
  if (damage !== undefined) return await replaceLedger(dataDir, observer, log, damage);
  try {
    return new Ledger(dataDir, observer);
  } catch (error) {
    if (!isDamage(error)) throw cannotUse(join(dataDir, LEDGER_FILE), error);
    return await replaceLedger(dataDir, observer, log, messageOf(error));
  }
}

async function replaceLedger(dataDir: string, observer: LedgerObserver, log: Logger, reason: string): Promise<Ledger> {
  const aside = setAside(join(dataDir, LEDGER_FILE));
  const ledger = new Ledger(dataDir, observer);
  const text =
    `The hub's ledger was damaged and is being built anew from the logs and the gateways; the old one is kept as ${aside}. ` +
    `What was found: ${reason}`;
  log.error(text);
  const notice = { kind: "ledger-damaged", subject: "ledger", category: "technical", priority: "high", text } as const;
  await ledger.write(() => ledger.own.tell(notice, Date.now()));
  return ledger;
}
