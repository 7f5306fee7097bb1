import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const PASSWD = "mosquitto_passwd";

/** The program, undefined where it is missing. Debian puts it into /usr/sbin, which is not on everybody's PATH. */
export const MOSQUITTO = ["mosquitto", "/usr/sbin/mosquitto"].find(
  (path) => spawnSync(path, ["-h"]).error === undefined,
);

/** Writes the configuration of a Mosquitto that keeps its sessions in `dir` and queues without a limit; returns its path. */
export function writeMosquittoConfig(dir: string, port: number, user?: { username: string; password: string }): string {
  const lines = [
    `listener ${port} 127.0.0.1`,
    "persistence true",
    `persistence_location ${dir}/`,
    // Its default drops what is above 1,000 messages of an absent client, with a PUBACK for each.
    "max_queued_messages 0",
    // Run by root it would become the user mosquitto, to whom the folder does not belong.
    "user root",
  ];
  if (user === undefined) lines.push("allow_anonymous true");
  else {
    const passwords = join(dir, "passwords");
    writeFileSync(passwords, `${user.username}:${user.password}\n`, { mode: 0o600 });
    spawnSync(PASSWD, ["-U", passwords]);
    lines.push("allow_anonymous false", `password_file ${passwords}`);
  }
  const path = join(dir, "mosquitto.conf");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}
