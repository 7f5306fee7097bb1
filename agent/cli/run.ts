import { sizeHeapByWork } from "../../shared/runtime/heap.ts";
import { aborted, stopSignal } from "../../shared/runtime/lifecycle.ts";
import { createLogger } from "../../shared/runtime/log.ts";
import { createAgent } from "../agent.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

/** `run`: the agent, until SIGINT or SIGTERM. */
export async function run(options: ConfigOptions): Promise<void> {
  const config = readConfig(options);
  const log = createLogger("alarm-agent", config.log);
  const signal = stopSignal();
  const agent = createAgent(config, { log });
  try {
    await agent.start();
    sizeHeapByWork();
    await aborted(signal);
  } finally {
    await agent.stop();
  }
}
