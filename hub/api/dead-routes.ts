import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { HubCommands } from "../commands.ts";
import type { LedgerReader } from "../ledger/read/reader.ts";
import { type PageQuery, pageProperties, withLimit } from "./paging.ts";
import { pageOf, ref } from "./schemas.ts";

const listQuery = {
  type: "object",
  properties: { center: { type: "string", minLength: 1, maxLength: 64 }, ...pageProperties },
} as const;

/** Deliveries that ended without the center taking over, and how to have one dispatched again. */
export function addDeadRoutes(app: HttpServer, parts: { reader: LedgerReader; commands: HubCommands }): void {
  const { reader, commands } = parts;
  app.get<{ Querystring: PageQuery & { center?: string } }>(
    "/v1/dead",
    {
      schema: {
        summary: "Deliveries that were given up or refused, newest alarm first",
        querystring: listQuery,
        response: { 200: pageOf("DeadDelivery"), 400: ref("Error") },
      },
    },
    ({ query }) => reader.dead({ center: query.center, ...withLimit(query) }),
  );
  app.post<{ Params: { id: string; center: string } }>(
    "/v1/dead/:id/:center/redrive",
    {
      schema: {
        summary: "Have it dispatched again",
        response: {
          200: {
            type: "object",
            properties: { id: { type: "string" }, center: { type: "string" }, state: { const: "redriven" } },
          },
          404: ref("Error"),
          409: ref("Error"),
        },
      },
    },
    async ({ params: { id, center } }) => {
      const answer = await commands.redrive(id, center);
      if (answer.kind === "redriven") return { id, center, state: "redriven" };
      if (answer.kind === "not_found") throw new RelayError("not_found", `there is no delivery of ${id} to ${center}`);
      throw new RelayError("not_dead", `the delivery of ${id} to ${center} was neither given up nor refused`);
    },
  );
}
