import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { freePort } from "../../helpers/free-port.ts";
import { descendantsOf } from "../../helpers/processes.ts";
import { hasStrace } from "../../helpers/strace.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { post } from "../inputs/intake.ts";

test.skipIf(!hasStrace())(
  "the kernel sees a sync of the queue between the arrival of each report and its 201",
  async () => {
    const dir = tempDir("strace");
    const config = join(dir, "agent.yaml");
    const trace = join(dir, "trace");
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    writeFileSync(
      config,
      JSON.stringify({
        agent: "gw-1",
        dataDir: join(dir, "data"),
        nats: { servers: [`nats://127.0.0.1:${await freePort()}`] },
        inputs: { http: { listen: `127.0.0.1:${port}` } },
      }),
    );
    const calls = "trace=read,recvfrom,write,writev,sendto,sendmsg,fsync,fdatasync";
    const agent = [process.execPath, "dist/agent/main.js", "run", "-c", config];
    const strace = spawn("strace", ["-f", "-y", "-s", "128", "-e", calls, "-o", trace, ...agent], { stdio: "ignore" });
    const exited = once(strace, "exit");
    const stop = async (): Promise<void> => {
      // strace passes no signal on: its child is told to end, and strace ends with it.
      for (const pid of descendantsOf(strace.pid ?? 0)) process.kill(pid, "SIGTERM");
      await exited;
    };
    whenTestFinished(async () => {
      if (strace.exitCode === null) await stop();
    });
    await eventually("the agent is ready", async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 30_000 });
    const points = Array.from({ length: 20 }, (_, i) => `traced-${i}-`);
    for (const point of points) expect((await post(url, { point, category: "fire" })).status).toBe(201);
    await stop();

    const lines = readFileSync(trace, "utf8").split("\n");
    const after = (from: number, pattern: RegExp): number =>
      lines.findIndex((line, i) => i >= from && pattern.test(line));
    let at = 0;
    for (const _ of points) {
      const arrival = after(at, /(read|recvfrom)\b.*POST \/v1\/alarms/);
      const answer = after(arrival, /(write|writev|sendto|sendmsg)\(.*HTTP\/1\.1 201/);
      const sync = after(arrival, /f(data)?sync\(\d+<[^>]*queue\.db-wal>/);
      expect(arrival).toBeGreaterThanOrEqual(at);
      expect(answer).toBeGreaterThan(arrival);
      expect(sync, lines.slice(arrival, answer + 1).join("\n")).toBeGreaterThan(arrival);
      expect(sync, lines.slice(arrival, answer + 1).join("\n")).toBeLessThan(answer);
      at = answer + 1;
    }
  },
);
