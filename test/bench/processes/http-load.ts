import { serveControl } from "../control.ts";
import { HttpConnection } from "../http-connection.ts";
import { report } from "../load.ts";

/** Different requests, made before the clock runs. */
const BODIES = 200;

export interface HttpLoad {
  url: string;
  connections: number;
  /** 1 is a report by itself, more are an array of so many. */
  reportsPerRequest: number;
  requests: number;
}

export interface HttpLoadResult {
  seconds: number;
  /** What the load itself has used. */
  cpuSeconds: number;
}

// Devices that hand over reports as fast as they are accepted: on each connection the next request follows the answer.
async function post({ url, connections, reportsPerRequest, requests }: HttpLoad): Promise<HttpLoadResult> {
  const bodies = Array.from({ length: BODIES }, (_, body) => {
    const reports = Array.from({ length: reportsPerRequest }, (_, i) => report(body * reportsPerRequest + i, "other"));
    return JSON.stringify(reportsPerRequest === 1 ? reports[0] : reports);
  });
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(url)));
  let sent = 0;
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await Promise.all(
    open.map(async (connection) => {
      while (sent < requests) {
        const { status, body } = await connection.post("/v1/alarms", bodies[sent++ % BODIES] as string);
        if (status !== 201) throw new Error(`the agent answered ${status}: ${body}`);
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const connection of open) connection.close();
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

await serveControl({ post });
