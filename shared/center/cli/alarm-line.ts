import type { Priority } from "../../alarm/priority.ts";
import type { DeliveredAlarm } from "../../wire/cloudevent.ts";

const COLOURS: Record<Priority, string> = { critical: "1;31", high: "31", medium: "33", low: "36" };

/** One alarm as a line for a person: when, how urgent, what, where, and in its own words. */
export function alarmText({ alarm, attempt, relayedAgain }: DeliveredAlarm, isColoured: boolean): string {
  const { priority, category, event, agent, account, area, point, text } = alarm;
  const where = [agent, account, area, point].filter((part) => part !== undefined).join(" / ");
  const urgency = priority.toUpperCase().padEnd(8);
  const parts = [
    alarm.occurredAt ?? alarm.acceptedAt,
    isColoured ? `\u001b[${COLOURS[priority]}m${urgency}\u001b[0m` : urgency,
    category.padEnd(11),
    event.padEnd(7),
    printable(where),
    ...(text === undefined ? [] : [printable(text)]),
    ...(alarm.test === true ? ["(test)"] : []),
    ...(attempt > 1 ? [`(attempt ${attempt})`] : []),
    ...(relayedAgain ? ["(relayed again)"] : []),
    alarm.id,
  ];
  return parts.join("  ");
}

/** One alarm as a line of JSON; what is not out of the ordinary is not said. */
export function alarmJson({ alarm, attempt, relayedAgain }: DeliveredAlarm): string {
  return JSON.stringify({ alarm, attempt, ...(relayedAgain ? { relayedAgain } : {}) });
}

/** Control characters in a device's text could drive the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "·");
}
