import { RelayError } from "../runtime/errors.ts";

/**
 * Where a command finds its process: `--url`, else the environment, else what the configuration says. Throws
 * `wrong_use` for what is no http(s) URL.
 */
export function findUrl(options: {
  url: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** `ALARM_AGENT_URL` or `ALARM_HUB_URL`. */
  envName: string;
  fromConfig: () => string;
}): string {
  const { url, env, envName, fromConfig } = options;
  const given = url ?? env[envName];
  if (given === undefined || given === "") return fromConfig();
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return given;
  const where = url === undefined ? envName : "--url";
  throw new RelayError("wrong_use", `${where} must be a URL such as http://127.0.0.1:8081, not ${given}`);
}
