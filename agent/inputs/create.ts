import type { Logger } from "../../shared/runtime/log.ts";
import type { AgentConfig } from "../config.ts";
import type { Acceptor, QueueReader } from "../queue/types.ts";
import { HttpInput } from "./http.ts";
import { IntakeRecord } from "./record.ts";
import type { Input } from "./types.ts";

export interface Inputs {
  /** Its server also carries the agent's HTTP interface. */
  http: HttpInput;
  /** All of them, in the order in which to start them. */
  all: readonly Input[];
  record: IntakeRecord;
}

/** Makes the inputs that are configured; none is started. The MQTT client is loaded only for an agent that uses it. */
export async function createInputs(options: {
  config: AgentConfig;
  acceptor: Acceptor;
  stages: Pick<QueueReader, "onStage">;
  log: Logger;
}): Promise<Inputs> {
  const { config, acceptor, stages, log } = options;
  const record = new IntakeRecord();
  const common = { acceptor, defaults: config.defaults, counter: record, log };
  const http = new HttpInput({ ...common, listen: config.inputs.http.listen });
  const { mqtt } = config.inputs;
  if (mqtt === undefined) return { http, all: [http], record };
  const { MqttInput } = await import("./mqtt/input.ts");
  return { http, all: [http, new MqttInput({ ...common, config: mqtt, stages })], record };
}
