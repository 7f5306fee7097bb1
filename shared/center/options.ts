import { accessSync, constants } from "node:fs";
import { isToken } from "../alarm/identity.ts";
import type { NatsTarget } from "../nats/target.ts";
import { type ErrorDetail, messageOf, RelayError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/log.ts";

export interface CenterOptions {
  /** The id under which the hub's configuration declares this center. */
  id: string;
  /** NATS URLs, as a list or separated by commas. */
  servers: string | readonly string[];
  /** A NATS credentials file (.creds). */
  credentialsFile?: string | undefined;
  /** Instead of credentials: a user and its password, which may also stand in the URL of the server. */
  user?: string | undefined;
  password?: string | undefined;
  /** Files of the certificate authority, the client's certificate and its key. */
  tls?: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined } | undefined;
  /** A folder of this center's own, where it remembers what it did with each alarm. Without it: in memory only. */
  stateDir?: string | undefined;
  /** Handler calls at once, over all priorities. One is left to critical alarms. 16 unless given. */
  concurrency?: number | undefined;
  /** Stops the center when aborted. */
  signal?: AbortSignal | undefined;
  /** Listen although another process listens under this id: they share the alarms. */
  share?: boolean | undefined;
  /**
   * How long `connectCenter` waits for the first connection, in milliseconds, before it rejects; 10,000 unless given.
   * 0: it does not wait and goes on trying in the background.
   */
  connectTimeoutMs?: number | undefined;
  /** Where to log; nothing is logged unless given. */
  log?: Logger | undefined;
}

const CONCURRENCY_DEFAULT = 16;
const CONCURRENCY_MAX = 1_024;
const CONNECT_TIMEOUT_MS = 10_000;

export interface CheckedOptions {
  id: string;
  target: NatsTarget;
  concurrency: number;
  connectTimeoutMs: number;
}

/** Checks what a caller handed in; throws `invalid_config` that names every mistake. */
export function checkOptions(options: CenterOptions): CheckedOptions {
  const details: ErrorDetail[] = [];
  const { id, concurrency = CONCURRENCY_DEFAULT, connectTimeoutMs = CONNECT_TIMEOUT_MS, credentialsFile } = options;
  const target = targetOf(options, details);
  if (!isToken(id)) details.push({ path: "id", message: "must be 1 to 64 letters, digits, _ or -" });
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MAX) {
    details.push({ path: "concurrency", message: `must be a whole number from 1 to ${CONCURRENCY_MAX}` });
  }
  if (!(connectTimeoutMs >= 0)) details.push({ path: "connectTimeoutMs", message: "must not be negative" });
  const files = {
    credentialsFile,
    "tls.ca": options.tls?.ca,
    "tls.cert": options.tls?.cert,
    "tls.key": options.tls?.key,
  };
  for (const [path, file] of Object.entries(files)) {
    const message = file === undefined ? undefined : unreadable(file);
    if (message !== undefined) details.push({ path, message });
  }
  if (details.length > 0) {
    throw new RelayError("invalid_config", details.map(({ path, message }) => `${path} ${message}`).join("; "));
  }
  return { id, target, concurrency, connectTimeoutMs };
}

function targetOf(options: CenterOptions, details: ErrorDetail[]): NatsTarget {
  const list: readonly string[] = typeof options.servers === "string" ? options.servers.split(",") : options.servers;
  const servers = list.map((text) => text.trim()).filter((text) => text !== "");
  if (servers.length === 0) details.push({ path: "servers", message: "must name at least one NATS server" });
  for (const server of servers.filter((text) => !isServer(text))) {
    details.push({ path: "servers", message: `${server} is not a URL such as nats://hub.example.com:4222` });
  }
  const { user, password, credentialsFile, tls } = options;
  return { servers, user, password, credentialsFile, tls };
}

function isServer(text: string): boolean {
  const url = text.includes("://") ? text : `nats://${text}`;
  return URL.canParse(url) && ["nats:", "tls:"].includes(new URL(url).protocol) && new URL(url).host !== "";
}

function unreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}
