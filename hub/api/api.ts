import type { ListenAddress } from "../../shared/config/listen.ts";
import { serveMetrics } from "../../shared/http/metrics.ts";
import { closeHttp, createHttpServer, type HttpServer, listenHttp, refuseOrigin } from "../../shared/http/server.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { HubCommands } from "../commands.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { addGauges, type HubMetrics } from "../metrics.ts";
import { addAlarmRoutes } from "./alarm-routes.ts";
import { addDeadRoutes } from "./dead-routes.ts";
import { addEventRoutes } from "./event-routes.ts";
import { addHealthRoutes } from "./health-routes.ts";
import { serveOpenApi } from "./openapi.ts";
import { addPartyRoutes } from "./party-routes.ts";
import type { HubStatus } from "./status.ts";
import { checkBySchemas } from "./validation.ts";

const BODY_BYTES_MAX = 64 * 1024;

export interface ApiOptions {
  config: { listen: ListenAddress };
  reader: LedgerReader;
  commands: HubCommands;
  status: HubStatus;
  metrics: HubMetrics;
  log: Logger;
  /** For tests; 15 s unless given. */
  heartbeatMs?: number;
}

export interface HubApi {
  /** Listens. Throws `address_in_use`. */
  start(): Promise<{ url: string }>;
  /** Ends streams of events and lets requests in progress end, for at most 5 s. Idempotent. */
  stop(): Promise<void>;
}

/** The hub's HTTP interface: it reads the ledger and passes commands on, and decides nothing itself. */
export function createApi(options: ApiOptions): HubApi {
  const { reader, status, metrics, log } = options;
  const app: HttpServer = createHttpServer({ log, bodyBytesMax: BODY_BYTES_MAX });
  let endStreams = (): void => undefined;
  let stopping: Promise<void> | undefined;
  return {
    start: async () => {
      // There is no login: a page that an operator happens to open must not acknowledge alarms.
      refuseOrigin(app);
      checkBySchemas(app);
      await serveOpenApi(app);
      addAlarmRoutes(app, options);
      addDeadRoutes(app, options);
      addPartyRoutes(app, options);
      endStreams = addEventRoutes(app, options);
      addHealthRoutes(app, options);
      addGauges(metrics.registry, { reader, status });
      serveMetrics(app, async () => metrics.registry);
      const url = await listenHttp(app, options.config.listen);
      return { url };
    },
    stop: () => {
      endStreams();
      stopping ??= closeHttp(app);
      return stopping;
    },
  };
}
