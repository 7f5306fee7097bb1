import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Inputs } from "../inputs/create.ts";
import type { Acceptance, QueueReader } from "../queue/types.ts";
import { readPageQuery, withLimit } from "./alarms.ts";

/** Payloads that were no reports: what they are, and reading them again after the configuration was mended, or giving them up. */
export function addQuarantineRoutes(
  app: HttpServer,
  { reader, inputs }: { reader: QueueReader; inputs: Inputs },
): void {
  app.get("/v1/quarantine", (request) => reader.quarantined(withLimit(readPageQuery(request.query))));
  app.delete<{ Params: { n: string } }>("/v1/quarantine/:n", async (request, reply) => {
    if (!(await reader.removeQuarantined(numberOf(request.params.n)))) throw notThere(request.params.n);
    return reply.code(204).send();
  });
  app.post<{ Params: { n: string } }>("/v1/quarantine/:n/retry", async (request) => {
    const n = numberOf(request.params.n);
    const entry = reader.quarantinedPayload(n);
    if (entry === undefined) throw notThere(request.params.n);
    const input = inputs.all.find(({ name }) => name === entry.input);
    if (input?.retry === undefined) {
      throw new RelayError("invalid_report", `the input ${entry.input} is not configured, so nothing can read this`);
    }
    const acceptances = await input.retry(entry.source, entry.payload);
    // Only now: should the process end in between, the payload is read twice rather than never.
    await reader.removeQuarantined(n);
    return { results: acceptances.map(shown) };
  });
}

function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

function notThere(text: string): RelayError {
  return new RelayError("not_found", `there is no ${text} in the quarantine`);
}

function shown(acceptance: Acceptance): { id?: string; duplicate?: boolean; unchanged?: boolean } {
  if (acceptance.kind === "unchanged") return { unchanged: true };
  return { id: acceptance.id, duplicate: acceptance.kind === "duplicate" };
}
