import { prepareReport, type Report, validateReport } from "../../shared/alarm/report.ts";
import { RelayError } from "../../shared/runtime/errors.ts";

/** Fields that reports may lack, from the configuration. */
export type ReportDefaults = Readonly<Record<string, unknown>>;

/** Makes a report of what a device sent. Throws `invalid_report` with every mistake and its path below `at`. */
export function readReport(input: unknown, defaults: ReportDefaults, at = ""): Report {
  const validation = validateReport(prepareReport(input, defaults));
  if (validation.ok) return validation.value;
  throw new RelayError("invalid_report", "the report is not valid", {
    details: validation.details.map(({ path, message }) => ({ path: `${at}${path}`, message })),
  });
}

/** One sentence for an error with its details, as it stands in the quarantine. */
export function reasonOf(error: RelayError): string {
  if (error.details.length === 0) return error.message;
  return `${error.message}: ${error.details.map(({ path, message }) => `${path} ${message}`.trim()).join("; ")}`;
}
