#!/usr/bin/env node
import { addCommand, createProgram, runProgram } from "../cli/program.ts";
import type { ListenFlags } from "./cli/listen.ts";
import type { WatchFlags } from "./cli/watch.ts";

const program = createProgram("alarm-center", "Receives alarms from an alarm relay as one receiving center.");

addCommand(
  program,
  "listen",
  "Takes custody of the alarms of a center and prints one line for each as it comes.",
  "alarm-center listen --id arc-north --servers nats://127.0.0.1:4222 --state ./state",
)
  .requiredOption("--id <id>", "the center, as the hub's configuration names it")
  .requiredOption("--servers <urls>", "NATS URLs, separated by commas")
  .option("--credentials <file>", "NATS credentials file (.creds)")
  .option("--user <name>", "NATS user, instead of credentials")
  .option("--password-file <file>", "file that holds the password of --user")
  .option("--state <dir>", "folder that remembers what was received, so that no alarm is printed twice")
  .option("--acknowledge <who>", "auto: acknowledge every alarm; none: leave that to an operator", "none")
  .option("--share", "listen although another process listens under this id; they share the alarms")
  .option("--json", "print each alarm as a line of JSON, {alarm, attempt}, and relayedAgain where it is true")
  .action(async (flags: ListenFlags) => {
    const { runListen } = await import("./cli/listen.ts");
    await runListen(flags);
  });

addCommand(
  program,
  "watch",
  "Prints the alarms of a center as they are dispatched. It only looks: nothing is received by it.",
  "alarm-center watch --id arc-north --servers nats://127.0.0.1:4222 --since 2026-03-01T12:00:00Z",
)
  .requiredOption("--id <id>", "the center, as the hub's configuration names it")
  .requiredOption("--servers <urls>", "NATS URLs, separated by commas")
  .option("--credentials <file>", "NATS credentials file (.creds)")
  .option("--user <name>", "NATS user, instead of credentials")
  .option("--password-file <file>", "file that holds the password of --user")
  .option("--since <time>", "begin with what was dispatched since then (RFC 3339), as far as the stream still has it")
  .option("--json", "print each alarm as a line of JSON, {alarm, attempt}")
  .action(async (flags: WatchFlags) => {
    const { runWatch } = await import("./cli/watch.ts");
    await runWatch(flags);
  });

process.exitCode = await runProgram(program, process.argv);
