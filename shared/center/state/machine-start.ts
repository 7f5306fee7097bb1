import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/**
 * Names the present start of the machine. Linux has a random id for it; elsewhere the minute in which it started
 * stands in, which may differ by one between two calls: then a crash is taken for a restart, the careful mistake.
 */
export function machineStart(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `minute-${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
