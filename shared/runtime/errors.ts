/**
 * The closed table of operating errors. Each code says once, for logs, metrics, HTTP answers and decisions,
 * which HTTP status it has and whether the same call may succeed later without anyone changing anything.
 */
const CODES = {
  bad_request: { status: 400, retry: false },
  invalid_json: { status: 400, retry: false },
  invalid_report: { status: 400, retry: false },
  origin_refused: { status: 403, retry: false },
  not_found: { status: 404, retry: false },
  method_not_allowed: { status: 405, retry: false },
  not_delivered: { status: 409, retry: false },
  already_acknowledged: { status: 409, retry: false },
  not_dead: { status: 409, retry: false },
  body_too_large: { status: 413, retry: false },
  alarm_too_large: { status: 413, retry: false },
  too_many_reports: { status: 413, retry: false },
  invalid_config: { status: 400, retry: false },
  wrong_use: { status: 400, retry: false },
  data_dir_locked: { status: 500, retry: false },
  address_in_use: { status: 500, retry: false },
  store_newer: { status: 500, retry: false },
  store_unsafe: { status: 500, retry: false },
  nats_server_missing: { status: 500, retry: false },
  nats_server_failed: { status: 500, retry: true },
  nats_server_too_old: { status: 500, retry: false },
  center_in_use: { status: 409, retry: false },
  too_busy: { status: 503, retry: true },
  queue_full: { status: 503, retry: true },
  store_damaged: { status: 503, retry: true },
  store_failed: { status: 503, retry: true },
  stopping: { status: 503, retry: true },
  log_full: { status: 503, retry: true },
  not_connected: { status: 503, retry: true },
  timeout: { status: 504, retry: true },
  internal: { status: 500, retry: false },
} as const satisfies Record<string, { status: number; retry: boolean }>;

export type ErrorCode = keyof typeof CODES;

/** True for a code of the table: another version of the relay may answer with one that is not. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(CODES, code);
}

/** One mistake in what somebody handed to us: where it is, as a JSON pointer or a config path, and what is wrong. */
export interface ErrorDetail {
  path: string;
  message: string;
}

/**
 * An operating error: something in the world is not as it should be. `message` is one sentence for a person,
 * `hint` says what they can do about it. Errors of the programmer are plain errors and end the process.
 */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly ErrorDetail[];

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      hint?: string;
      details?: readonly ErrorDetail[];
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }

  /** The HTTP status that this error answers with. */
  get status(): number {
    return CODES[this.code].status;
  }

  /** True when the same call may succeed later without anyone changing anything. */
  get retry(): boolean {
    return CODES[this.code].retry;
  }
}

/** The message of anything that was thrown, for a log line or a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
