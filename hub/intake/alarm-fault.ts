import type { Alarm } from "../../shared/alarm/alarm.ts";
import { isToken, parseAlarmId } from "../../shared/alarm/identity.ts";
import { CATEGORIES, PRIORITIES } from "../../shared/alarm/priority.ts";
import { isRfc3339 } from "../../shared/alarm/time.ts";

/**
 * What keeps an alarm from being held, or undefined. Only what the ledger rests on is checked: an agent that is newer
 * than the hub may say more than we know, and its alarm is no worse for it.
 */
export function faultOf(value: unknown, sender: string | undefined): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not an object";
  const alarm = value as Partial<Record<keyof Alarm, unknown>>;
  if (sender === undefined || !isToken(sender)) return "not on the subject of an agent";
  const identity = typeof alarm.id === "string" ? parseAlarmId(alarm.id) : undefined;
  if (identity === undefined) return "its id is not <agent>.<epoch>.<seq>";
  if (identity.agent !== sender || alarm.agent !== sender) return `it names another agent than its subject, ${sender}`;
  for (const key of ["point", "condition"] as const) {
    if (typeof alarm[key] !== "string") return `its ${key} is not a string`;
  }
  for (const key of ["account", "area", "code"] as const) {
    if (alarm[key] !== undefined && typeof alarm[key] !== "string") return `its ${key} is not a string`;
  }
  if (!(CATEGORIES as readonly unknown[]).includes(alarm.category)) return "its category is unknown";
  if (!(PRIORITIES as readonly unknown[]).includes(alarm.priority)) return "its priority is unknown";
  if (!["raised", "cleared", "status"].includes(alarm.event as string)) return "its event is unknown";
  if (typeof alarm.acceptedAt !== "string" || !isRfc3339(alarm.acceptedAt)) return "its acceptedAt is no time";
  return undefined;
}

/** The id of an alarm that cannot be held, if it can be read and is the sender's own to give. */
export function idOfSender(encoded: string, sender: string | undefined): string | undefined {
  let id: unknown;
  try {
    id = (JSON.parse(encoded) as { id?: unknown } | null)?.id;
  } catch {
    return undefined;
  }
  return typeof id === "string" && parseAlarmId(id)?.agent === sender ? id : undefined;
}
