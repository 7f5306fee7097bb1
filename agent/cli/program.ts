import { type Command, InvalidArgumentError } from "commander";
import { CATEGORIES, PRIORITIES } from "../../shared/alarm/priority.ts";
import { addCommand, addGroup, createProgram } from "../../shared/cli/program.ts";
import { parseDuration } from "../../shared/config/units.ts";

/** The command line of `alarm-agent`. Each action is imported when it runs: `--help` must not load a database. */
export function createAgentProgram(): Command {
  const program = createProgram(
    "alarm-agent",
    "Takes alarms at the edge and relays them to the hub",
    "alarm-agent run -c agent.yaml",
  );
  withConfig(
    addCommand(program, "run", "Run the agent until it is told to stop", "alarm-agent run -c agent.yaml"),
  ).action(async (options) => (await import("./run.ts")).run(options));
  withClient(
    addCommand(program, "status", "Show whether alarms get through, and what waits", "alarm-agent status"),
  ).action(async (options) => (await import("./status.ts")).status(options));
  withJson(
    withConfig(
      addCommand(program, "check", "Check everything that the agent needs to work", "alarm-agent check -c agent.yaml"),
    ),
  ).action(async (options) => (await import("./check.ts")).check(options));
  addTest(program);
  addRaise(program);
  addQueue(program);
  addQuarantine(program);
  addConfig(program);
  return program;
}

function addTest(program: Command): void {
  const test = addCommand(
    program,
    "test",
    "Send a test alarm and show each stage that it reaches",
    "alarm-agent test --wait acknowledged --timeout 2m",
  );
  withClient(test)
    .option("--wait <stage>", "received or acknowledged", oneOf(["received", "acknowledged"]), "received")
    .option("--timeout <duration>", "how long to wait", duration, 60_000)
    .option("--account <account>", "the account of the test alarm")
    .action(async (options) => (await import("./test.ts")).test(options));
}

function addRaise(program: Command): void {
  const raise = addCommand(
    program,
    "raise",
    "Hand a report to the agent, as a device does",
    'alarm-agent raise --point kitchen --category fire --text "smoke detector 3"',
  );
  withClient(raise)
    .requiredOption("--point <point>", "what raised it")
    .requiredOption("--category <category>", CATEGORIES.join(", "), oneOf(CATEGORIES))
    .option("--event <event>", "raised, cleared or status", oneOf(["raised", "cleared", "status"]))
    .option("--account <account>", "the protected site")
    .option("--area <area>", "the part of the site")
    .option("--user <user>", "who operated it")
    .option("--condition <condition>", "what pairs a raise with its clear")
    .option("--code <code>", "the alarm code")
    .option("--code-system <system>", "sia, contact-id or custom", oneOf(["sia", "contact-id", "custom"]))
    .option("--priority <priority>", PRIORITIES.join(", "), oneOf(PRIORITIES))
    .option("--text <text>", "for the person who acts on it")
    .option("--report-id <id>", "the same id again is the same alarm")
    .option("--test", "made under test")
    .action(async (options) => (await import("./raise.ts")).raise(options));
}

function addQueue(program: Command): void {
  const queue = addGroup(program, "queue", "What the agent keeps", "alarm-agent queue list");
  withClient(
    withFilter(addCommand(queue, "list", "List alarms, newest first", "alarm-agent queue list --stage accepted")),
  )
    .option("--limit <n>", "at most so many", count, 50)
    .option("--cursor <cursor>", "go on where the list before ended")
    .action(async (options) => (await import("./queue.ts")).list(options));
  withClient(
    addCommand(queue, "show <id>", "Show one alarm with its stages", "alarm-agent queue show gw-1.k3.42"),
  ).action(async (id, options) => (await import("./queue.ts")).show(id, options));
  const exportCommand = addCommand(
    queue,
    "export",
    "Write alarms as lines of JSON, oldest first",
    "alarm-agent queue export --stage accepted > alarms.ndjson",
  );
  withUrl(withFilter(exportCommand)).action(async (options) => (await import("./queue.ts")).exportAll(options));
  withClient(addCommand(queue, "retry [ids...]", "Relay alarms again", "alarm-agent queue retry gw-1.k3.42"))
    .option("--all", "all that are not settled")
    .action(async (ids, options) => (await import("./queue.ts")).retry(ids, options));
}

function addQuarantine(program: Command): void {
  const quarantine = addGroup(
    program,
    "quarantine",
    "Payloads that could not be read as reports",
    "alarm-agent quarantine list",
  );
  withClient(addCommand(quarantine, "list", "List them, newest first", "alarm-agent quarantine list"))
    .option("--limit <n>", "at most so many", count, 50)
    .option("--cursor <cursor>", "go on where the list before ended")
    .action(async (options) => (await import("./quarantine.ts")).list(options));
  withClient(
    addCommand(
      quarantine,
      "retry [numbers...]",
      "Read them again, by the configuration of today",
      "alarm-agent quarantine retry 7",
    ),
  )
    .option("--all", "all of them")
    .action(async (numbers, options) => (await import("./quarantine.ts")).retry(numbers, options));
  withClient(addCommand(quarantine, "discard [numbers...]", "Remove them for good", "alarm-agent quarantine discard 7"))
    .option("--all", "all of them")
    .action(async (numbers, options) => (await import("./quarantine.ts")).discard(numbers, options));
}

function addConfig(program: Command): void {
  const config = addGroup(program, "config", "The configuration file", "alarm-agent config check -c agent.yaml");
  withJson(
    withConfig(addCommand(config, "check", "Report every mistake", "alarm-agent config check -c agent.yaml")),
  ).action(async (options) => (await import("./config.ts")).check(options));
  addCommand(config, "example", "Print an annotated example", "alarm-agent config example > agent.yaml").action(
    async () => (await import("./config.ts")).example(),
  );
  addCommand(config, "schema", "Print the JSON Schema", "alarm-agent config schema > agent.schema.json").action(
    async () => (await import("./config.ts")).schema(),
  );
}

function withConfig(command: Command): Command {
  return command.option("-c, --config <file>", "the configuration (default: /etc/alarm-relay/agent.yaml)");
}

function withUrl(command: Command): Command {
  return withConfig(command).option(
    "--url <url>",
    "where the agent answers (default: ALARM_AGENT_URL, else the configuration)",
  );
}

function withJson(command: Command): Command {
  return command.option("--json", "print JSON");
}

/** Options of every command that asks a running agent. */
function withClient(command: Command): Command {
  return withJson(withUrl(command));
}

function withFilter(command: Command): Command {
  return command
    .option("--stage <stage>", "accepted, relayed, held or settled", oneOf(["accepted", "relayed", "held", "settled"]))
    .option("--account <account>", "only of this account")
    .option("--point <point>", "only of this point")
    .option("--report-id <id>", "only with this reportId");
}

function oneOf(values: readonly string[]): (text: string) => string {
  return (text) => {
    if (values.includes(text)) return text;
    throw new InvalidArgumentError(`It is one of ${values.join(", ")}.`);
  };
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It carries a unit, such as "60s" or "2m".');
  return ms;
}

function count(text: string): number {
  if (/^[1-9]\d{0,2}$|^1000$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number from 1 to 1000.");
}
