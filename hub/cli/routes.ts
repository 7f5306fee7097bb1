import type { Alarm } from "../../shared/alarm/alarm.ts";
import { priorityOfCategory } from "../../shared/alarm/priority.ts";
import { printJson, printLine } from "../../shared/cli/output.ts";
import { QuietFailure } from "../../shared/cli/program.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import { route } from "../routing/route.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

type RouteTestOptions = ConfigOptions &
  Pick<Alarm, "category"> &
  Partial<Pick<Alarm, "account" | "agent" | "area" | "point" | "code" | "event" | "priority" | "test">> & {
    expect?: string;
    json?: boolean;
  };

/** `routes test`: where an alarm would go, by the file as it is; fails if that is not what is expected. */
export function test(options: RouteTestOptions): void {
  const { config: _, expect, json, ...alarm } = options;
  const { routing } = readConfig(options);
  const expected = expect === undefined ? undefined : centersOf(expect, routing.centers);
  const routed = route({ ...alarm, priority: alarm.priority ?? priorityOfCategory(alarm.category) }, routing);
  const ok = expected === undefined || isSameSet(expected, routed.centers);
  if (json === true) printJson({ ok, ...routed, ...(expected === undefined ? {} : { expected }) });
  else {
    printLine(`route ${routed.route}: ${wordsOf(routed)}`);
    if (!ok) printLine(`expected: ${expected.length === 0 ? "no center" : expected.join(", ")}`);
  }
  if (!ok) throw new QuietFailure();
}

function centersOf(expect: string, declared: readonly { id: string }[]): string[] {
  if (expect.trim() === "none") return [];
  const ids = expect.split(",").map((id) => id.trim());
  const unknown = ids.filter((id) => !declared.some((center) => center.id === id));
  if (unknown.length === 0) return ids;
  throw new RelayError("wrong_use", `--expect names ${unknown.join(", ")}, which the configuration does not declare`);
}

function wordsOf({ centers, require }: { centers: readonly string[]; require: number }): string {
  if (centers.length === 0) return "recorded only";
  if (require === centers.length) return centers.join(", ");
  return `${centers.join(", ")}, of which ${require} must receive it`;
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((id) => b.includes(id));
}
