import { createApi } from "../../../hub/api/api.ts";
import type { HubStatus } from "../../../hub/api/status.ts";
import type { AcknowledgeAnswer, HubCommands, RedriveAnswer } from "../../../hub/commands.ts";
import type { AgentPresence } from "../../../hub/intake/presence.ts";
import { createHubMetrics, type HubMetrics } from "../../../hub/metrics.ts";
import type { Route } from "../../../hub/routing/config.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";
import { CENTERS, type LedgerFixture, ledgerFixture, T0 } from "../ledger/ledger-fixture.ts";

/** The API over a real ledger. What the running hub would answer to a command is set by the test. */
export interface ApiFixture extends LedgerFixture {
  url: string;
  metrics: HubMetrics;
  status: { -readonly [key in keyof HubStatus]: HubStatus[key] } & { agents: Map<string, AgentPresence> };
  /** What the commands answer. */
  answers: { acknowledge: AcknowledgeAnswer; redrive: RedriveAnswer };
  /** What the commands were asked. */
  asked: unknown[];
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any part of an answer
  body: any;
}

export async function apiFixture(
  options: { routes?: readonly Route[]; heartbeatMs?: number; dataDir?: string } = {},
): Promise<ApiFixture> {
  const fixture = ledgerFixture(options.routes, options.dataDir);
  const asked: unknown[] = [];
  const answers: ApiFixture["answers"] = {
    acknowledge: { kind: "acknowledged", created: true, at: new Date(T0).toISOString() },
    redrive: { kind: "redriven" },
  };
  const commands: HubCommands = {
    acknowledge: (id, by) => {
      asked.push({ id, ...by });
      return Promise.resolve(answers.acknowledge);
    },
    redrive: (id, center) => {
      asked.push({ id, center });
      return Promise.resolve(answers.redrive);
    },
  };
  const status: ApiFixture["status"] = {
    linkDownReason: undefined,
    storeTrouble: undefined,
    caughtUp: true,
    centers: CENTERS.map((id) => ({ id, framing: "batch", connector: undefined })),
    listening: new Set(["arc-north"]),
    agents: new Map(),
  };
  const metrics = createHubMetrics();
  const { heartbeatMs } = options;
  const api = createApi({
    config: { listen: { host: "127.0.0.1", port: 0 } },
    reader: fixture.reader,
    commands,
    status,
    metrics,
    log: silentLog(),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  });
  whenTestFinished(() => api.stop());
  const { url } = await api.start();
  const call = async (path: string, init: RequestInit): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: answer.status, body: isJson ? JSON.parse(text) : text };
  };
  return {
    ...fixture,
    url,
    metrics,
    status,
    answers,
    asked,
    get: (path, headers = {}) => call(path, { headers }),
    post: (path, body, headers = {}) =>
      call(path, { method: "POST", headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
  };
}
