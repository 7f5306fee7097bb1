import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";
import { INSTALL_HINT } from "./find.ts";

/** The first server that knows all that is used: several filters per consumer, metadata, `sync_interval: always`. */
const NEEDED = "2.10.0";

/** Throws `nats_server_too_old` unless a server of this version can do what is used here. */
export function assertServerVersion(version: string): void {
  if (compare(version, NEEDED) >= 0) return;
  throw new RelayError("nats_server_too_old", `nats-server ${version} is too old: ${NEEDED} or later is needed`, {
    hint: INSTALL_HINT,
  });
}

/** The version that a nats-server binary states of itself; throws `nats_server_failed` if it does not run. */
export async function serverVersionOf(binary: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(binary, ["--version"], { timeout: 10_000 });
    const version = /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
    if (version === undefined) throw new Error(`it said ${JSON.stringify(stdout.trim())}`);
    return version;
  } catch (error) {
    throw new RelayError("nats_server_failed", `${binary} does not tell its version: ${messageOf(error)}`, {
      hint: INSTALL_HINT,
      cause: error,
    });
  }
}

/** Orders versions by their numbers. A suffix such as `-RC.1` counts as that version. */
function compare(left: string, right: string): number {
  const numbers = (version: string): number[] => version.split(/[-+]/, 1)[0]?.split(".").map(Number) ?? [];
  const [a, b] = [numbers(left), numbers(right)];
  for (const index of [0, 1, 2]) {
    const difference = (a[index] || 0) - (b[index] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
