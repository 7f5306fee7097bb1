import { messageOf, RelayError } from "../runtime/errors.ts";

/** The body of every answer that is an error, at the agent and at the hub. */
export interface ErrorBody {
  error: { code: string; message: string; details: { path: string; message: string }[] };
}

/** Writes an error as the body of an answer; the hint joins the message. */
export function errorBody(error: RelayError): ErrorBody {
  const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
  return { error: { code: error.code, message, details: [...error.details] } };
}

/** Translates what fastify and the routes throw. What is not an operating error becomes `internal`, without its text. */
export function toRelayError(error: unknown, bodyBytesMax: number): RelayError {
  if (error instanceof RelayError) return error;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new RelayError("body_too_large", `the body is larger than ${bodyBytesMax} bytes`, { cause: error });
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return new RelayError("bad_request", messageOf(error), { cause: error });
  }
  return new RelayError("internal", "an error inside the relay; its log says more", { cause: error });
}
