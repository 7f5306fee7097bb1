import { mkdirSync, writeFileSync } from "node:fs";
import { alarmSchema } from "../../shared/alarm/alarm.ts";
import { reportSchema } from "../../shared/alarm/report.ts";
import { receiptSchema } from "../../shared/wire/receipt.ts";

// A step of the build: writes the JSON Schemas that ship in the package, for those who speak to the relay from another
// language. They are the very ones by which the relay checks.

const DIR = new URL("../../schemas/", import.meta.url);

/** Formats of our own, and what a validator elsewhere knows in their place. */
const FORMATS: Record<string, string | undefined> = { rfc3339: "date-time", text: undefined };

mkdirSync(DIR, { recursive: true });
for (const schema of [alarmSchema, reportSchema, receiptSchema]) {
  const published = { $schema: "http://json-schema.org/draft-07/schema#", ...schema };
  const text = JSON.stringify(published, (key, value: unknown) => (key === "format" ? format(value) : value), 2);
  writeFileSync(new URL(schema.$id, DIR), `${text}\n`);
}

function format(value: unknown): unknown {
  return typeof value === "string" && Object.hasOwn(FORMATS, value) ? FORMATS[value] : value;
}
