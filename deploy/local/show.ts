import { styleText } from "node:util";
import type { AlarmWithStages, DeliveryStage } from "../../agent/queue/types.ts";
import type { Priority } from "../../shared/alarm/priority.ts";

// How the way of an alarm is shown: one line for a person, one JSON object for a program.

type Style = Parameters<typeof styleText>[0];

const STYLES: Record<Priority, Style> = { critical: ["red", "bold"], high: "yellow", medium: "cyan", low: "gray" };

/** The way of one alarm as a JSON line. */
export function wayAsJson(alarm: AlarmWithStages, skipped: number): string {
  const { id, agent, account, area, point, category, event, priority, stages } = alarm;
  const deliveries = stages.deliveries.map((delivery) => ({
    center: delivery.center,
    state: delivery.state,
    receivedMs: receivedMs(stages.acceptedAt, delivery),
    operator: delivery.operator,
  }));
  return JSON.stringify({
    type: "alarm",
    ...{ id, agent, account, area, point, category, event, priority },
    acceptedAt: stages.acceptedAt,
    settledAt: stages.settledAt,
    deliveries,
    ...(skipped > 0 ? { skipped } : {}),
  });
}

/** The way of one alarm as a line of text. */
export function wayAsText(alarm: AlarmWithStages, skipped: number, colored: boolean): string {
  const paint = (style: Style, text: string): string =>
    colored ? styleText(style, text, { validateStream: false }) : text;
  const { stages, priority } = alarm;
  const where = [alarm.account, alarm.point].filter((part) => part !== undefined).join("/");
  const centers = stages.deliveries.map((delivery) => {
    const ms = receivedMs(stages.acceptedAt, delivery);
    const said = ms === undefined ? paint("red", delivery.state) : paint("green", `${ms} ms`);
    return `${delivery.center} ${said}`;
  });
  const by = stages.deliveries.find(({ state }) => state === "acknowledged");
  const line = [
    paint("dim", stages.acceptedAt.slice(11, 23)),
    paint(STYLES[priority], priority.padEnd(8)),
    alarm.agent,
    `${where} ${alarm.category} ${alarm.event}`.padEnd(44),
    centers.join("  ") || paint("red", "no center yet"),
    ...(by === undefined ? [] : [paint("dim", `acknowledged by ${by.operator ?? "?"} at ${by.center}`)]),
  ].join("  ");
  return skipped === 0 ? line : `${paint("dim", `... and ${skipped} more`)}\n${line}`;
}

function receivedMs(acceptedAt: string, { receivedAt }: DeliveryStage): number | undefined {
  return receivedAt === undefined ? undefined : Date.parse(receivedAt) - Date.parse(acceptedAt);
}
