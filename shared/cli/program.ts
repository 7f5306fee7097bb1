import { Command, CommanderError } from "commander";
import { messageOf, RelayError } from "../runtime/errors.ts";
import { VERSION } from "../runtime/version.ts";

/** Exit codes of every command. */
const EXIT = { ok: 0, failed: 1, wrongUse: 2 } as const;

/** A command that failed and has already said why on standard output, such as a check with a red line. */
export class QuietFailure extends Error {}

/** The root of a command line: strict about what it does not know, silent until `runProgram` says what was wrong. */
export function createProgram(name: string, description: string, example?: string): Command {
  return new Command(name)
    .description(description)
    .addHelpText("after", example === undefined ? "" : exampleText(example))
    .version(VERSION)
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
}

/**
 * Adds a command. `example` is shown by its `--help`. Actions import what they need when they run, so that `--help`
 * does not load a database.
 */
export function addCommand(parent: Command, nameAndArguments: string, description: string, example: string): Command {
  return parent
    .command(nameAndArguments)
    .description(description)
    .allowExcessArguments(false)
    .addHelpText("after", exampleText(example));
}

/** Adds a command that only holds others, such as `queue`. Without one of them it is used wrongly. */
export function addGroup(parent: Command, name: string, description: string, example: string): Command {
  return parent.command(name).description(description).helpCommand(false).addHelpText("after", exampleText(example));
}

function exampleText(example: string): string {
  return `\nExample:\n  $ ${example}`;
}

/** Runs a command line and returns its exit code: 0 done, 1 failed, 2 used wrongly. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  quietBrokenPipe();
  try {
    await program.parseAsync([...argv]);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof QuietFailure) return EXIT.failed;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // A group without a subcommand has printed its help, to standard error.
      if (error.code !== "commander.help") process.stderr.write(`${program.name()}: ${usageSentence(error)}\n`);
      return EXIT.wrongUse;
    }
    process.stderr.write(`${program.name()}: ${errorText(error)}\n`);
    return error instanceof RelayError && error.code === "wrong_use" ? EXIT.wrongUse : EXIT.failed;
  }
}

/** What a person reads about an error: one sentence with what to do, and a list where there is more than one place. */
export function errorText(error: unknown): string {
  if (!(error instanceof RelayError)) return stackOf(error);
  const { message, hint, details } = error;
  const sentence = hint === undefined ? message : `${message}; ${hint}`;
  if (details.length === 0) return sentence;
  return [
    `${sentence}:`,
    ...details.map(({ path, message: what }) => (path === "" ? `  ${what}` : `  ${path} ${what}`)),
  ].join("\n");
}

/** A mistake of ours shows where it was made; nothing else does. */
function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}

function usageSentence(error: CommanderError): string {
  const text = error.message
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  return `${text}; --help shows how it is used`;
}

/** `alarm-agent queue list | head` closes our output early: that is no error. */
function quietBrokenPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
}
