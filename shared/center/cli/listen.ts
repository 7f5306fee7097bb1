import { messageOf, RelayError } from "../../runtime/errors.ts";
import { aborted, stopSignal } from "../../runtime/lifecycle.ts";
import { createLogger } from "../../runtime/log.ts";
import { connectCenter } from "../connect.ts";
import { type ConnectionFlags, connectionOf, LOG, printAlarm } from "./common.ts";

export interface ListenFlags extends ConnectionFlags {
  state?: string;
  acknowledge: string;
  share?: boolean;
}

/**
 * Prints alarms until it is told to stop. An alarm counts as received when its line has been written; with
 * `--acknowledge auto` the acknowledgment is kept together with it and sent without holding up the next one.
 */
export async function runListen(flags: ListenFlags): Promise<void> {
  if (flags.acknowledge !== "auto" && flags.acknowledge !== "none") {
    throw new RelayError("wrong_use", `--acknowledge must be auto or none, not ${flags.acknowledge}`);
  }
  const signal = stopSignal();
  const log = createLogger("alarm-center", LOG);
  const center = await connectCenter({
    ...connectionOf(flags),
    stateDir: flags.state,
    share: flags.share,
    // Whoever runs the command sees in the log what it waits for.
    connectTimeoutMs: 0,
    log,
  });
  const stopping = aborted(signal).then(() => center.stop());
  try {
    await center.listen(async (delivery) => {
      await printAlarm(delivery, flags.json === true);
      if (flags.acknowledge !== "auto") return;
      delivery.acknowledge({ operator: `${flags.id} (automatic)` }).catch((error: unknown) => {
        log.warn(`alarm ${delivery.alarm.id} could not be acknowledged: ${messageOf(error)}`);
      });
    });
    log.info(`listening as ${flags.id}`);
    await stopping;
  } catch (error) {
    // Stopped before it was connected: what was asked for.
    if (!signal.aborted) throw error;
  } finally {
    await center.stop();
  }
}
