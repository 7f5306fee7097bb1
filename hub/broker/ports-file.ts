import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What a nats-server says of itself in its `ports_file_dir` once it listens. */
export interface ServerPorts {
  port: number;
  pid: number;
}

/** Reads the ports file in a folder that one server owns; undefined until there is one, whole. */
export function readPortsFile(portsDir: string): ServerPorts | undefined {
  const file = readdirSync(portsDir).find((name) => name.endsWith(".ports"));
  if (file === undefined) return undefined;
  try {
    const { nats } = JSON.parse(readFileSync(join(portsDir, file), "utf8")) as { nats: string[] };
    const port = Number(new URL(nats[0] ?? "").port);
    const pid = Number(/_(\d+)\.ports$/.exec(file)?.[1]);
    return port > 0 && pid > 0 ? { port, pid } : undefined;
  } catch {
    // Not written to its end yet.
    return undefined;
  }
}

/** Removes what a server that was killed has left. */
export function clearPortsFiles(portsDir: string): void {
  for (const name of readdirSync(portsDir)) {
    if (name.endsWith(".ports")) rmSync(join(portsDir, name), { force: true });
  }
}
