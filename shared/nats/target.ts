import { readFileSync } from "node:fs";
import { type ConnectionOptions, credsAuthenticator } from "nats";

/** How to reach and enter a NATS system; secrets are read by the configuration loader. */
export interface NatsTarget {
  servers: readonly string[];
  credentialsFile?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  tls?:
    | {
        ca?: string | undefined;
        cert?: string | undefined;
        key?: string | undefined;
      }
    | undefined;
}

/**
 * What the client is told, so that it never gives up and notices a half-open connection. The target is one without
 * users in its URLs. Throws if the credentials cannot be read.
 */
export function connectionOptions(link: { target: NatsTarget; name: string; inboxPrefix: string }): ConnectionOptions {
  const { target, name, inboxPrefix } = link;
  const { credentialsFile, user, password, token, tls } = target;
  return {
    servers: serversTwice(target.servers),
    noRandomize: true,
    name,
    inboxPrefix,
    timeout: 5_000,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 1_000,
    reconnectJitter: 500,
    reconnectJitterTLS: 500,
    pingInterval: 7_000,
    maxPingOut: 2,
    // Credentials may be renewed while we run: a refusal is reported and tried again, never the end.
    ignoreAuthErrorAbort: true,
    ...(credentialsFile === undefined ? {} : { authenticator: credsAuthenticator(readFileSync(credentialsFile)) }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls.key === undefined ? {} : { keyFile: tls.key }),
          },
        }),
  };
}

/**
 * The servers in a random order, and in the same order again. The client strikes each that is dead at its first connect
 * from its list for good; the second entries are still there when the first that lives has been found.
 */
function serversTwice(servers: readonly string[]): string[] {
  if (servers.length === 1) return [...servers];
  const keys = new Map(servers.map((server) => [server, Math.random()]));
  const order = [...keys.keys()].sort((a, b) => (keys.get(a) as number) - (keys.get(b) as number));
  return [...order, ...order];
}
