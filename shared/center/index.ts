/**
 * The library for receiving centers, `alarm-relay/center`. Everything that is exported here is meant for use; nothing
 * else of the package is.
 */
export type { Alarm } from "../alarm/alarm.ts";
export { RelayError } from "../runtime/errors.ts";
export type { AcknowledgeResult } from "./acknowledger.ts";
export { connectCenter } from "./connect.ts";
export type { CenterOptions } from "./options.ts";
export type { AcknowledgedBy, Center, CenterEvents, Delivery, Handler } from "./types.ts";
