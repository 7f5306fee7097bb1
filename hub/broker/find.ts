import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { RelayError } from "../../shared/runtime/errors.ts";

/** The nats-server that this package fetches for itself where the machine has none. */
export const FETCHED_VERSION = "2.14.0";

/** What to do where no nats-server is found, as one sentence. */
export const INSTALL_HINT =
  "install nats-server 2.10 or later (https://nats.io/download) so that it is on PATH, or set NATS_SERVER to its path";

/** Where the fetched nats-server lies: below `$XDG_CACHE_HOME`, else `~/.cache`. */
export function cachedNatsServer(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "alarm-relay", `nats-server-${FETCHED_VERSION}`, "nats-server");
}

/**
 * The path of the nats-server to run: `NATS_SERVER`, else the first on PATH, else the fetched one.
 * Throws `nats_server_missing`; a `NATS_SERVER` that cannot be run is an error and not passed over, because
 * whoever set it means that one.
 */
export function findNatsServer(env: NodeJS.ProcessEnv = process.env): string {
  const named = env["NATS_SERVER"];
  if (named) {
    if (isExecutable(named)) return named;
    throw new RelayError("nats_server_missing", `NATS_SERVER names ${named}, which is no executable file`, {
      hint: INSTALL_HINT,
    });
  }
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const path of [...onPath.map((folder) => join(folder, "nats-server")), cachedNatsServer(env)]) {
    if (isExecutable(path)) return path;
  }
  throw new RelayError("nats_server_missing", "no nats-server was found", { hint: INSTALL_HINT });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
