import { printJson, printLine } from "../../shared/cli/output.ts";
import { exampleYaml } from "../../shared/config/example.ts";
import { publishedSchema, type SchemaNode } from "../../shared/config/schema.ts";
import { AGENT_CONFIG_FILE, agentConfigSchema } from "../config.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

/** `config check`: throws `invalid_config` with every mistake. */
export function check(options: ConfigOptions & { json?: boolean }): void {
  const { agent } = readConfig(options);
  const file = options.config ?? AGENT_CONFIG_FILE;
  if (options.json === true) printJson({ ok: true, file, agent });
  else printLine(`${file} is valid: the configuration of ${agent}`);
}

export function example(): void {
  process.stdout.write(exampleYaml(agentConfigSchema));
}

export function schema(): void {
  const published = publishedSchema(agentConfigSchema as SchemaNode);
  printLine(JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", ...published }, undefined, 2));
}
