import type { Command } from "commander";
import { CATEGORIES, PRIORITIES } from "../../shared/alarm/priority.ts";
import { count, moment, oneOf } from "../../shared/cli/arguments.ts";
import { addCommand, addGroup, createProgram } from "../../shared/cli/program.ts";
import { DELIVERY_STATES } from "../delivery/state.ts";
import { ALARM_STATES, CONDITION_STATES } from "../ledger/read/views.ts";

/** The command line of `alarm-hub`. Each action is imported when it runs: `--help` must not load a database. */
export function createHubProgram(): Command {
  const program = createProgram(
    "alarm-hub",
    "Takes alarms from agents, fans them out to receiving centers, and tracks who has them",
    "alarm-hub run -c hub.yaml",
  );
  withConfig(
    addCommand(
      program,
      "run",
      "Run the hub until it is told to stop; SIGHUP reloads centers and routes",
      "alarm-hub run -c hub.yaml",
    ),
  ).action(async (options) => (await import("./run.ts")).run(options));
  withClient(
    addCommand(program, "status", "Show whether alarms get through, and what each center is owed", "alarm-hub status"),
  ).action(async (options) => (await import("./status.ts")).status(options));
  withClient(addCommand(program, "watch", "Show what happens as it happens", "alarm-hub watch --since 15m"))
    .option("--since <time>", "begin near this time, or so long ago", moment)
    .action(async (options) => (await import("./watch.ts")).watch(options));
  addAlarms(program);
  addDead(program);
  addRoutes(program);
  addConfig(program);
  return program;
}

function addAlarms(program: Command): void {
  const alarms = addGroup(program, "alarms", "The alarms that the hub holds", "alarm-hub alarms list --open");
  withClient(
    addCommand(alarms, "list", "List alarms, newest first", "alarm-hub alarms list --state unacknowledged --since 1h"),
  )
    .option("--state <state>", ALARM_STATES.join(", "), oneOf(ALARM_STATES))
    .option("--open", "only those that are not closed")
    .option("--condition <condition>", CONDITION_STATES.join(", "), oneOf(CONDITION_STATES))
    .option("--delivery-state <state>", DELIVERY_STATES.join(", "), oneOf(DELIVERY_STATES))
    .option("--agent <agent>", "only of this agent")
    .option("--account <account>", "only of this account")
    .option("--center <center>", "only what goes to this center")
    .option("--priority <priority>", PRIORITIES.join(", "), oneOf(PRIORITIES))
    .option("--since <time>", "held since this time, or so long ago", moment)
    .option("--limit <n>", "at most so many", count, 50)
    .option("--cursor <cursor>", "go on where the list before ended")
    .action(async (options) => (await import("./alarms.ts")).list(options));
  withClient(
    addCommand(
      alarms,
      "show <id>",
      "Show one alarm with its deliveries and its trail",
      "alarm-hub alarms show gw-1.k3.42",
    ),
  ).action(async (id, options) => (await import("./alarms.ts")).show(id, options));
  withClient(
    addCommand(
      alarms,
      "ack <id>",
      "Take responsibility for an alarm",
      'alarm-hub alarms ack gw-1.k3.42 --center arc-north --operator kim --note "guard sent"',
    ),
  )
    .option("--center <center>", "for which center; needed where the alarm goes to several")
    .requiredOption("--operator <name>", "who takes responsibility")
    .option("--note <note>", "what they say about it")
    .action(async (id, options) => (await import("./alarms.ts")).acknowledge(id, options));
}

function addDead(program: Command): void {
  const dead = addGroup(
    program,
    "dead",
    "Deliveries that were given up or refused",
    "alarm-hub dead list --center arc-south",
  );
  withClient(addCommand(dead, "list", "List them, newest alarm first", "alarm-hub dead list --center arc-south"))
    .option("--center <center>", "only of this center")
    .option("--limit <n>", "at most so many", count, 50)
    .option("--cursor <cursor>", "go on where the list before ended")
    .action(async (options) => (await import("./dead.ts")).list(options));
  withClient(
    addCommand(
      dead,
      "redrive [id] [center]",
      "Have a delivery dispatched again",
      "alarm-hub dead redrive gw-1.k3.42 arc-south",
    ),
  )
    .option("--all", "all of them")
    .option("--center <center>", "with --all: only of this center")
    .action(async (id, center, options) => (await import("./dead.ts")).redrive(id, center, options));
}

function addRoutes(program: Command): void {
  const routes = addGroup(
    program,
    "routes",
    "The routes of the configuration file",
    "alarm-hub routes test -c hub.yaml --account 1001 --category fire",
  );
  withJson(
    withConfig(
      addCommand(
        routes,
        "test",
        "Show which centers an alarm would go to",
        "alarm-hub routes test -c hub.yaml --account 1001 --category fire --expect arc-north,arc-south",
      ),
    ),
  )
    .requiredOption("--category <category>", CATEGORIES.join(", "), oneOf(CATEGORIES))
    .option("--account <account>", "the protected site")
    .option("--agent <agent>", "the gateway")
    .option("--area <area>", "the part of the site")
    .option("--point <point>", "what raises it")
    .option("--code <code>", "the alarm code")
    .option("--event <event>", "raised, cleared or status", oneOf(["raised", "cleared", "status"]), "raised")
    .option("--priority <priority>", "follows from the category if absent", oneOf(PRIORITIES))
    .option("--test", "made under test")
    .option("--expect <centers>", "fail unless it goes to exactly these, separated by commas; none for none")
    .action(async (options) => (await import("./routes.ts")).test(options));
}

function addConfig(program: Command): void {
  const config = addGroup(program, "config", "The configuration file", "alarm-hub config check -c hub.yaml");
  withJson(
    withConfig(addCommand(config, "check", "Report every mistake", "alarm-hub config check -c hub.yaml")),
  ).action(async (options) => (await import("./config.ts")).check(options));
  addCommand(config, "example", "Print an annotated example", "alarm-hub config example > hub.yaml").action(async () =>
    (await import("./config.ts")).example(),
  );
  addCommand(config, "schema", "Print the JSON Schema", "alarm-hub config schema > hub.schema.json").action(async () =>
    (await import("./config.ts")).schema(),
  );
}

function withConfig(command: Command): Command {
  return command.option("-c, --config <file>", "the configuration (default: /etc/alarm-relay/hub.yaml)");
}

function withJson(command: Command): Command {
  return command.option("--json", "print JSON");
}

/** Options of every command that asks a running hub. */
function withClient(command: Command): Command {
  return withJson(
    withConfig(command).option("--url <url>", "where the hub answers (default: ALARM_HUB_URL, else the configuration)"),
  );
}
