import type { ListenAddress } from "../../shared/config/listen.ts";
import { closeHttp, createHttpServer, type HttpServer, listenHttp, refuseOrigin } from "../../shared/http/server.ts";
import type { Logger } from "../../shared/runtime/log.ts";
import type { Acceptor } from "../queue/types.ts";
import { addAlarmRoutes } from "./http-routes.ts";
import type { ReportDefaults } from "./intake.ts";
import type { Input, IntakeCounter } from "./types.ts";

const BODY_BYTES_MAX = 2 ** 20;

/** The HTTP input. Its server also carries the rest of the agent's HTTP interface, which is added to `server`. */
export class HttpInput implements Input {
  readonly name = "http";
  readonly server: HttpServer;
  readonly #listen: ListenAddress;
  #url: string | undefined;
  #stopped = false;

  constructor(options: {
    listen: ListenAddress;
    acceptor: Acceptor;
    defaults: ReportDefaults;
    counter: IntakeCounter;
    log: Logger;
  }) {
    this.#listen = options.listen;
    this.server = createHttpServer({ log: options.log, bodyBytesMax: BODY_BYTES_MAX });
    refuseOrigin(this.server);
    addAlarmRoutes(this.server, options);
  }

  get downReason(): string | undefined {
    return this.#url === undefined ? "not listening" : undefined;
  }

  /** Where it listens; known once it is started. */
  get url(): string {
    if (this.#url === undefined) throw new Error("the HTTP input is not started");
    return this.#url;
  }

  /** Throws `address_in_use`. */
  async start(): Promise<void> {
    this.#url ??= await listenHttp(this.server, this.#listen);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#url = undefined;
    await closeHttp(this.server);
  }
}
