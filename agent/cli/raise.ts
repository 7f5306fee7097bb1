import { printJson, printLine } from "../../shared/cli/output.ts";
import { agentClient, type ClientOptions } from "./client.ts";

/** The options of `raise` that are fields of the report; commander writes them in camel case, as the report does. */
type RaiseOptions = ClientOptions & Record<string, unknown>;

interface Accepted {
  id: string;
  duplicate: boolean;
}

/** `raise`: hands a report to the agent and prints the alarm's id. */
export async function raise(options: RaiseOptions): Promise<void> {
  const { url: _url, config: _config, json, ...report } = options;
  const { body } = await agentClient(options).post<Accepted>("/v1/alarms", report);
  if (json === true) printJson(body);
  else printLine(body.duplicate ? `${body.id} (accepted before)` : body.id);
}
