import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/**
 * Runs a server that must not outlive us, however we end.
 *
 * Ours is a small shell between us and the server. Its standard input is a pipe that only we hold: when we close it
 * or die, the kernel ends the `read` of the watcher, which asks the server to stop. (CONT: a stopped server would
 * never see the TERM.) When the server ends by itself, `wait` returns its status, the watcher is ended, and the
 * shell passes the status on. `read` is built into the shell, so nothing else is left to clean up.
 */
const GUARD = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -TERM "$server"; kill -CONT "$server") 2>/dev/null &
watcher=$!
exec 3<&- 2>/dev/null
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
`;

export type GuardedProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts `command` under the guard, in a session of its own, so that Ctrl-C on our terminal does not reach it before
 * we are done with it. End its `stdin` to ask it to stop; `killGuarded` ends it at once. A status of 128 + n means
 * that signal n ended it.
 */
export function spawnGuarded(command: string, args: readonly string[]): GuardedProcess {
  const child = spawn("/bin/sh", ["-c", GUARD, "guard", command, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  // The pipe breaks when the server is gone: its exit event says so already.
  child.stdin.on("error", () => undefined);
  // Should the shell alone be killed, closing its input still ends the server by the watcher.
  child.once("exit", () => child.stdin.destroy());
  return child;
}

/** Kills the server and its guard at once. */
export function killGuarded(child: GuardedProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group is gone already.
  }
}
