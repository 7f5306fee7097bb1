import { printJson, printLine } from "../../shared/cli/output.ts";
import { errorText, QuietFailure } from "../../shared/cli/program.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { AgentConfig } from "../config.ts";
import { checkDisk } from "./checks/disk.ts";
import { checkListen } from "./checks/listen.ts";
import { checkNats } from "./checks/nats.ts";
import { type Finding, failed, ok } from "./checks/types.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

/** `check`: one line for each thing that the agent needs, with the remedy where it fails; then the command fails too. */
export async function check(options: ConfigOptions & { json?: boolean }): Promise<void> {
  const findings: Finding[] = [];
  const take = (found: readonly Finding[]): void => {
    findings.push(...found);
    if (options.json !== true) for (const finding of found) printLine(lineOf(finding));
  };
  const config = configOf(options, take);
  if (config !== undefined) {
    take(checkDisk(config));
    take([await checkListen(config)]);
    take(await checkNats(config));
    const { mqtt } = config.inputs;
    if (mqtt !== undefined) take(await (await import("./checks/mqtt.ts")).checkMqttBroker(mqtt));
  }
  const good = findings.every(({ kind }) => kind !== "failed");
  if (options.json === true) printJson({ ok: good, checks: findings });
  if (!good) throw new QuietFailure();
}

function configOf(options: ConfigOptions, take: (found: readonly Finding[]) => void): AgentConfig | undefined {
  try {
    const config = readConfig(options);
    take([ok("config", `valid, the configuration of ${config.agent}`)]);
    return config;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    take([failed("config", errorText(error), "correct these, then check again")]);
    return undefined;
  }
}

function lineOf(finding: Finding): string {
  const mark = { ok: "ok  ", unknown: "?   ", failed: "FAIL" }[finding.kind];
  const line = `${mark}  ${finding.name.padEnd(11)}  ${finding.message}`;
  return finding.kind === "failed" ? `${line}\n      ${" ".repeat(11)}  -> ${finding.remedy}` : line;
}
