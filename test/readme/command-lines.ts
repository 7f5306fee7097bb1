import type { Command } from "commander";
import { createAgentProgram } from "../../agent/cli/program.ts";
import { createHubProgram } from "../../hub/cli/program.ts";
import { runProcess } from "../helpers/processes.ts";

/** Options that many commands have; the README names them once. */
const COMMON = new Set(["--json", "--url", "--config", "--help"]);

/** Every command that does something, such as `alarm-agent queue list`, with its options, as `--stage`. */
export async function allCommands(): Promise<Map<string, Set<string>>> {
  const centers = await centerCommands();
  return new Map([...leavesOf(createAgentProgram()), ...leavesOf(createHubProgram()), ...centers]);
}

/** A line of shell as a command of ours with the options that it gives, if it is one. */
export function readCommandLine(
  line: string,
  commands: ReadonlyMap<string, ReadonlySet<string>>,
): { command: string | undefined; options: string[] } | undefined {
  const found = /^(?:\$ )?(?:npx )?(alarm-(?:agent|hub|center)\b.*)$/.exec(line.trim());
  if (found === null) return undefined;
  const words = (found[1] as string).replaceAll(/"[^"]*"|'[^']*'/g, "x").split(/\s+/);
  const command = [3, 2].map((length) => words.slice(0, length).join(" ")).find((name) => commands.has(name));
  return { command, options: words.filter((word) => word.startsWith("--")) };
}

export function isKnownOption(
  option: string,
  command: string,
  commands: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  return COMMON.has(option) || commands.get(command)?.has(option) === true;
}

function leavesOf(command: Command, path: readonly string[] = []): [string, Set<string>][] {
  const here = [...path, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((child) => leavesOf(child, here));
  const options = command.options.map(({ long }) => long ?? "").filter((long) => !COMMON.has(long));
  return [[here.join(" "), new Set(options)]];
}

/** `alarm-center` runs what it is given when it is loaded, so its help is read instead. */
async function centerCommands(): Promise<[string, Set<string>][]> {
  const help = async (...args: string[]): Promise<string> =>
    (await runProcess(["dist/shared/center/main.js", ...args, "--help"])).stdout;
  const names = [...(await help()).matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name]) => name as string);
  return Promise.all(
    names.map(async (name): Promise<[string, Set<string>]> => {
      const options = [...(await help(name)).matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, long]) => long as string);
      return [`alarm-center ${name}`, new Set(options.filter((long) => !COMMON.has(long)))];
    }),
  );
}
