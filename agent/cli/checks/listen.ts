import { ApiClient } from "../../../shared/cli/client.ts";
import { urlOfListen } from "../../../shared/config/listen.ts";
import { closeHttp, createHttpServer, listenHttp } from "../../../shared/http/server.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { createLogger } from "../../../shared/runtime/log.ts";
import type { AgentConfig } from "../../config.ts";
import { type Finding, failed, ok } from "./types.ts";

/** The port of the HTTP input: free for us, or already ours. */
export async function checkListen({ agent, inputs }: AgentConfig): Promise<Finding> {
  const { listen } = inputs.http;
  const url = urlOfListen(listen);
  const client = new ApiClient({ process: "alarm-agent", url, timeoutMs: 2_000 });
  const running = await client.get<{ agent?: string }>("/v1/status").then(
    (status) => status.agent,
    () => undefined,
  );
  if (running === agent) return ok("http", `${agent} runs and answers at ${url}`);
  if (running !== undefined) {
    return failed("http", `another agent, ${running}, listens at ${url}`, "choose another inputs.http.listen");
  }
  const log = createLogger("alarm-agent", { level: "silent", format: "json" });
  const server = createHttpServer({ log, bodyBytesMax: 1_024 });
  try {
    await listenHttp(server, listen);
    return ok("http", `${url} is free`);
  } catch (error) {
    return failed("http", messageOf(error), "stop what listens there, or choose another inputs.http.listen");
  } finally {
    await closeHttp(server);
  }
}
