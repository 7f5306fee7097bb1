import { readFileSync } from "node:fs";
import { isToken } from "../../alarm/identity.ts";
import { messageOf, RelayError } from "../../runtime/errors.ts";
import type { DeliveredAlarm } from "../../wire/cloudevent.ts";
import { alarmJson, alarmText } from "./alarm-line.ts";

/** What both commands need to reach NATS. */
export interface ConnectionFlags {
  id: string;
  servers: string;
  credentials?: string;
  user?: string;
  passwordFile?: string;
  json?: boolean;
}

export const LOG = { level: "info", format: "auto" } as const;

export function connectionOf(flags: ConnectionFlags): {
  id: string;
  servers: string;
  credentialsFile: string | undefined;
  user: string | undefined;
  password: string | undefined;
} {
  const { id, servers, credentials: credentialsFile, user, passwordFile } = flags;
  if (!isToken(id)) throw new RelayError("wrong_use", `--id must be 1 to 64 letters, digits, _ or -, not ${id}`);
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile);
  return { id, servers, credentialsFile, user, password };
}

/** Writes one alarm to standard output; resolves when the reader behind it has it. */
export function printAlarm(delivered: DeliveredAlarm, json: boolean): Promise<void> {
  const isColoured = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
  const line = json ? alarmJson(delivered) : alarmText(delivered, isColoured);
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd();
  } catch (error) {
    throw new RelayError("wrong_use", `--password-file cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
