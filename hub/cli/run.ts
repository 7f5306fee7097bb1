import { errorText } from "../../shared/cli/program.ts";
import { aborted, stopSignal } from "../../shared/runtime/lifecycle.ts";
import { createLogger, type Logger } from "../../shared/runtime/log.ts";
import { createHub, type Hub } from "../hub.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

/** `run`: the hub, until SIGINT or SIGTERM. SIGHUP reads the configuration again. */
export async function run(options: ConfigOptions): Promise<void> {
  const config = readConfig(options);
  const log = createLogger("alarm-hub", config.log);
  const signal = stopSignal();
  const hub = createHub(config, { log });
  let reloading = Promise.resolve();
  process.on("SIGHUP", () => {
    reloading = reloading.then(() => reload(hub, options, log));
  });
  try {
    await Promise.race([hub.start(), aborted(signal)]);
    await aborted(signal);
  } finally {
    await hub.stop();
  }
}

/** Takes over centers and routes of the file. One with mistakes changes nothing, and each mistake is told. */
async function reload(hub: Hub, options: ConfigOptions, log: Logger): Promise<void> {
  try {
    const config = readConfig(options);
    await hub.reload(config);
    const { centers, routes } = config.routing;
    log.info(`reloaded the configuration: centers ${centers.length}, routes ${routes.length}`);
  } catch (error) {
    log.error(`the configuration stays as it was: ${errorText(error)}`);
  }
}
