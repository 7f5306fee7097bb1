import { existsSync } from "node:fs";
import { ApiClient } from "../../shared/cli/client.ts";
import { findUrl } from "../../shared/cli/target.ts";
import { urlOfListen } from "../../shared/config/listen.ts";
import { AGENT_CONFIG_FILE, AGENT_ENV_PREFIX, type AgentConfig, loadAgentConfig } from "../config.ts";

export interface ConfigOptions {
  config?: string;
}

export interface ClientOptions extends ConfigOptions {
  url?: string;
  json?: boolean;
}

const URL_DEFAULT = "http://127.0.0.1:8081";

/** Reads the configuration that `-c` names, else the usual one. */
export function readConfig({ config }: ConfigOptions): AgentConfig {
  return loadAgentConfig({ file: config ?? AGENT_CONFIG_FILE, fileOptional: config === undefined, env: process.env });
}

/** A client of the running agent. */
export function agentClient(options: ClientOptions): ApiClient {
  const url = findUrl({
    url: options.url,
    env: process.env,
    envName: `${AGENT_ENV_PREFIX}URL`,
    fromConfig: () => {
      if (options.config === undefined && !existsSync(AGENT_CONFIG_FILE)) return URL_DEFAULT;
      return urlOfListen(readConfig(options).inputs.http.listen);
    },
  });
  return new ApiClient({ process: "alarm-agent", url });
}
