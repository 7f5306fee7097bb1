import { NatsError, ErrorCode as NatsErrorCode } from "nats";
import { messageOf } from "../runtime/errors.ts";
import type { NatsTarget } from "./target.ts";

/** Why a connect failed, in words that say what to look at. */
export function reasonOf(error: unknown, target: NatsTarget): string {
  const servers = target.servers.join(", ");
  const code = error instanceof NatsError ? error.code : undefined;
  if (code === NatsErrorCode.AuthorizationViolation || code === NatsErrorCode.AuthenticationExpired) {
    return `${servers} refused the credentials; check nats.credentialsFile or nats.user`;
  }
  if (code === NatsErrorCode.ConnectionRefused) return `nothing listens at ${servers}`;
  return `cannot connect to ${servers}: ${messageOf(error)}`;
}

/** What the server or the client complained of, in words. */
export function permissionHint(message: string): string {
  return /permissions violation/i.test(message) ? `NATS does not allow it: ${message}` : `NATS: ${message}`;
}
