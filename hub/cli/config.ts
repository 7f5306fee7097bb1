import { printJson, printLine } from "../../shared/cli/output.ts";
import { exampleYaml } from "../../shared/config/example.ts";
import { publishedSchema, type SchemaNode } from "../../shared/config/schema.ts";
import { HUB_CONFIG_FILE, hubSchema } from "../config.ts";
import { type ConfigOptions, readConfig } from "./client.ts";

/** `config check`: throws `invalid_config` with every mistake. */
export function check(options: ConfigOptions & { json?: boolean }): void {
  const { routing } = readConfig(options);
  const file = options.config ?? HUB_CONFIG_FILE;
  const [centers, routes] = [routing.centers.length, routing.routes.length];
  if (options.json === true) printJson({ ok: true, file, centers, routes });
  else printLine(`${file} is valid: centers ${centers}, routes ${routes} and the default route`);
}

export function example(): void {
  process.stdout.write(exampleYaml(hubSchema));
}

export function schema(): void {
  const published = publishedSchema(hubSchema as SchemaNode);
  printLine(JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", ...published }, undefined, 2));
}
