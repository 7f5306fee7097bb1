import { spawnSync } from "node:child_process";

/** True if strace works here. With ALARM_RELAY_REQUIRE_STRACE=1 its tests cannot be skipped unnoticed. */
export function hasStrace(): boolean {
  const works = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;
  if (!works && process.env["ALARM_RELAY_REQUIRE_STRACE"] === "1") {
    throw new Error("strace cannot be used here, and ALARM_RELAY_REQUIRE_STRACE=1 asks for it");
  }
  return works;
}
