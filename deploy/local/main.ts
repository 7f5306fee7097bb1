#!/usr/bin/env node
import { InvalidArgumentError } from "commander";
import { printLine } from "../../shared/cli/output.ts";
import { createProgram, runProgram } from "../../shared/cli/program.ts";
import { aborted, stopSignal } from "../../shared/runtime/lifecycle.ts";
import { createLogger, type Logger } from "../../shared/runtime/log.ts";
import { SimulatedDevice } from "./device.ts";
import { CENTERS, isForOperator, type LocalRelay, startLocalRelay } from "./relay.ts";
import { wayAsJson, wayAsText } from "./show.ts";
import { WayWatcher } from "./way.ts";

// `npm start`: the whole relay on this machine, to try it out.

interface Options {
  data: string;
  natsPort: number;
  hubPort: number;
  agentPort: number;
  quietDevice?: true;
  json?: true;
}

const program = createProgram("npm start --", "Runs the whole relay on this machine, to try it out")
  .option("--data <dir>", "where everything is kept; a second start goes on there", "./data")
  .option("--nats-port <n>", "port of the embedded nats-server", port, 4222)
  .option("--hub-port <n>", "port of the hub's HTTP", port, 8080)
  .option("--agent-port <n>", "port of the agent's HTTP", port, 8081)
  .option("--quiet-device", "no simulated alarms")
  .option("--json", "one JSON object per line")
  .addHelpText("after", "\nExample:\n  $ npm start -- --data /tmp/relay --quiet-device")
  .action((_: unknown, command: { opts(): unknown }) => run(command.opts() as Options));

async function run(options: Options): Promise<void> {
  const signal = stopSignal();
  const log = createLogger("local", { level: "warn", format: options.json ? "json" : "auto" });
  try {
    await runUntil(signal, options, log);
  } catch (error) {
    // Stopped in the middle of its start: that is what was asked for.
    if (!signal.aborted) throw error;
  }
}

async function runUntil(signal: AbortSignal, options: Options, log: Logger): Promise<void> {
  let watcher: WayWatcher | undefined;
  const relay = await startLocalRelay({
    dataDir: options.data,
    natsPort: options.natsPort,
    hubPort: options.hubPort,
    agentPort: options.agentPort,
    log,
    signal,
    onReceived: (id) => watcher?.seen(id),
  });
  watcher = watchWays(relay, options, signal);
  printReady(relay, options);
  const device = new SimulatedDevice({ agentUrl: relay.agentUrl, log });
  if (options.quietDevice !== true) device.start();
  await aborted(signal);
  await device.stop();
  await relay.stop();
}

/** Shows the way of each alarm to a person at a terminal, or as JSON to whoever asked for that. */
function watchWays(relay: LocalRelay, { json }: Options, signal: AbortSignal): WayWatcher | undefined {
  const isTerminal = process.stdout.isTTY === true;
  if (!isTerminal && json !== true) return undefined;
  return new WayWatcher({
    agentUrl: relay.agentUrl,
    awaitsAcknowledgment: isForOperator,
    print: (alarm, skipped) =>
      printLine(json === true ? wayAsJson(alarm, skipped) : wayAsText(alarm, skipped, isTerminal)),
    signal,
  });
}

function printReady({ agentUrl, hubUrl, natsUrl }: LocalRelay, { data, json }: Options): void {
  if (json === true) {
    printLine(JSON.stringify({ type: "ready", agent: agentUrl, hub: hubUrl, nats: natsUrl, centers: CENTERS, data }));
    return;
  }
  printLine(`ready  agent ${agentUrl}  hub ${hubUrl}  nats ${natsUrl}  centers ${CENTERS.join(" ")}  data ${data}`);
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError("It must be a port from 1 to 65535.");
  }
  return value;
}

process.exit(await runProgram(program, process.argv));
