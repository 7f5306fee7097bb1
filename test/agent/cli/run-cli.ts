import { type Exit, runProcess } from "../../helpers/processes.ts";

/** Runs `alarm-agent` with these arguments, and nothing of the developer's own environment that speaks to it. */
export function alarmAgent(...args: string[]): Promise<Exit & { stdout: string; stderr: string }> {
  return runProcess(["dist/agent/main.js", ...args], { env: { ALARM_AGENT_URL: "" } });
}
