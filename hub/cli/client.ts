import { existsSync } from "node:fs";
import { ApiClient } from "../../shared/cli/client.ts";
import { findUrl } from "../../shared/cli/target.ts";
import { urlOfListen } from "../../shared/config/listen.ts";
import { HUB_CONFIG_FILE, HUB_ENV_PREFIX, type HubConfig, loadHubConfig } from "../config.ts";

export interface ConfigOptions {
  config?: string;
}

export interface ClientOptions extends ConfigOptions {
  url?: string;
  json?: boolean;
}

const URL_DEFAULT = "http://127.0.0.1:8080";

/** Reads the configuration that `-c` names, else the usual one. */
export function readConfig({ config }: ConfigOptions): HubConfig {
  return loadHubConfig({ file: config ?? HUB_CONFIG_FILE, fileOptional: config === undefined, env: process.env });
}

/** A client of the running hub. */
export function hubClient(options: ClientOptions): ApiClient {
  const url = findUrl({
    url: options.url,
    env: process.env,
    envName: `${HUB_ENV_PREFIX}URL`,
    fromConfig: () => {
      if (options.config === undefined && !existsSync(HUB_CONFIG_FILE)) return URL_DEFAULT;
      return urlOfListen(readConfig(options).http.listen);
    },
  });
  return new ApiClient({ process: "alarm-hub", url });
}
