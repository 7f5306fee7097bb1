import type { Report } from "../../shared/alarm/report.ts";
import type { ErrorBody } from "../../shared/http/errors.ts";
import { errorBody } from "../../shared/http/errors.ts";
import type { HttpServer } from "../../shared/http/server.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Acceptance, Acceptor } from "../queue/types.ts";
import { type ReportDefaults, readReport } from "./intake.ts";
import type { IntakeCounter } from "./types.ts";

/** The most reports that one request may carry. */
const REPORTS_MAX = 1_000;

/** What became of one report of an array. */
interface ItemResult {
  status: number;
  id?: string;
  duplicate?: boolean;
  error?: ErrorBody["error"];
}

export interface Intake {
  acceptor: Acceptor;
  defaults: ReportDefaults;
  counter: IntakeCounter;
}

/** `POST /v1/alarms`: one report, or an array of them. It answers only after what it names as stored is synced. */
export function addAlarmRoutes(app: HttpServer, intake: Intake): void {
  app.post("/v1/alarms", async (request, reply) => {
    const key = idempotencyKey(request.headers["idempotency-key"]);
    if (Array.isArray(request.body)) {
      const results = await acceptAll(request.body, key, intake);
      return reply.code(results.every(({ error }) => error === undefined) ? 201 : 207).send({ results });
    }
    const result = await acceptOne(request.body, key, intake, "");
    const { id, duplicate } = idOf(result);
    return reply
      .code(duplicate ? 200 : 201)
      .header("location", `/v1/alarms/${id}`)
      .send({ id, duplicate });
  });
}

async function acceptAll(bodies: readonly unknown[], key: string | undefined, intake: Intake): Promise<ItemResult[]> {
  if (key !== undefined) {
    throw new RelayError("bad_request", "an Idempotency-Key names one report; give each report of an array a reportId");
  }
  if (bodies.length === 0) throw new RelayError("invalid_report", "the array holds no report");
  if (bodies.length > REPORTS_MAX) {
    intake.counter.refused("http", "too_many_reports");
    throw new RelayError(
      "too_many_reports",
      `the array holds ${bodies.length} reports; at most ${REPORTS_MAX} are taken`,
    );
  }
  // Each is stored by itself, all in one commit: a bad one takes no other along.
  const outcomes = await Promise.allSettled(bodies.map((body, i) => acceptOne(body, undefined, intake, `/${i}`)));
  const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [operatingError(outcome.reason)] : []));
  const [first] = errors;
  // Nothing was stored and the device should send all of it again: that is one answer, with Retry-After.
  if (first !== undefined && errors.length === bodies.length && errors.every(({ retry }) => retry)) throw first;
  return outcomes.map((outcome): ItemResult => {
    if (outcome.status === "rejected") {
      const error = operatingError(outcome.reason);
      return { status: error.status, error: errorBody(error).error };
    }
    const { id, duplicate } = idOf(outcome.value);
    return { status: duplicate ? 200 : 201, id, duplicate };
  });
}

async function acceptOne(body: unknown, key: string | undefined, intake: Intake, at: string): Promise<Acceptance> {
  try {
    const report = withKey(readBody(body, intake.defaults, at), key);
    const [acceptance] = await intake.acceptor.accept([report], { input: "http" });
    if (acceptance === undefined) throw new Error("the queue gave no answer to a report");
    if (acceptance.kind === "accepted") intake.counter.accepted("http", 1);
    return acceptance;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    intake.counter.refused("http", error.code);
    throw below(error, at);
  }
}

function readBody(body: unknown, defaults: ReportDefaults, at: string): Report {
  if (body === undefined) throw new RelayError("invalid_json", "the body is empty; a report in JSON is expected");
  return readReport(body, defaults, at);
}

/** The queue's paths begin at the list that it got, `/0`; those of the answer begin at the body. */
function below(error: RelayError, at: string): RelayError {
  if (error.code === "invalid_report") return error;
  return new RelayError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: error.details.map(({ path, message }) => ({ path: path.replace(/^\/0(?=\/|$)/, at), message })),
    cause: error,
  });
}

function operatingError(reason: unknown): RelayError {
  if (reason instanceof RelayError) return reason;
  throw reason;
}

function idOf(acceptance: Acceptance): { id: string; duplicate: boolean } {
  // Only a changeKey makes a report `unchanged`, and this input gives none.
  if (acceptance.kind === "unchanged") throw new Error("the queue called a report unchanged that had no changeKey");
  return { id: acceptance.id, duplicate: acceptance.kind === "duplicate" };
}

/** The header's value; its draft asks for quotes, which most clients leave out. */
function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  return [header]
    .flat()
    .join(",")
    .replace(/^"(.*)"$/, "$1");
}

function withKey(report: Report, key: string | undefined): Report {
  if (key === undefined || report.reportId === key) return report;
  if (report.reportId !== undefined) {
    throw new RelayError("invalid_report", "the Idempotency-Key is not the report's reportId", {
      details: [{ path: "/reportId", message: `is ${report.reportId}, but the Idempotency-Key is ${key}` }],
    });
  }
  return readReport({ ...report, reportId: key }, {});
}
