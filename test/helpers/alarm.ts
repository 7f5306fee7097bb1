import type { Alarm } from "../../shared/alarm/alarm.ts";

/** A fire alarm of the gateway `gw-1` in its epoch `e1`, as the hub gets it. */
export function alarm(seq: number, more: Partial<Alarm> = {}): Alarm {
  return {
    id: `gw-1.e1.${seq}`,
    agent: "gw-1",
    account: "1001",
    point: `zone-${seq}`,
    category: "fire",
    condition: "fire",
    event: "raised",
    priority: "critical",
    acceptedAt: new Date().toISOString(),
    ...more,
  };
}
