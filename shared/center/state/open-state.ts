import { messageOf } from "../../runtime/errors.ts";
import { isDamage, setAside } from "../../sqlite/damage.ts";
import { type Migration, openSqlite, type SqliteDatabase } from "../../sqlite/open.ts";

/**
 * Opens the database of a center. A damaged one is set aside under a name with the time, never deleted, and a new one
 * takes its place: the hub hands out again what it has no receipt for, so that nothing is lost by it. `damage` then says
 * what was found. Throws as `openSqlite` does for everything else.
 */
export function openState(
  path: string,
  migrations: readonly Migration[],
): { db: SqliteDatabase; damage: string | undefined } {
  const open = (): SqliteDatabase => openSqlite({ path, migrations, verifies: true });
  try {
    return { db: open(), damage: undefined };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = setAside(path);
    const damage =
      `what this center remembered was damaged and is kept as ${aside}: alarms whose receipts had not reached the hub ` +
      `come again, with an attempt above 1. What was found: ${messageOf(error)}`;
    return { db: open(), damage };
  }
}
