import { isToken, parseAlarmId } from "../../shared/alarm/identity.ts";
import type { LogMessage } from "../../shared/nats/log-reader.ts";
import { decisionSubject, lastToken, STREAMS } from "../../shared/wire/subjects.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Position } from "../ledger/positions.ts";
import { applyEach } from "./apply-each.ts";
import { type ConfigDecision, validateConfigDecision } from "./config-decision.ts";

/** What the leading hub decides, by kind: the last token of its subject in DECISIONS. */
export interface Decisions {
  config: ConfigDecision;
  /** Somebody wants a dead or rejected delivery tried again. */
  redriven: { id: string; center: string };
}
export type DecisionKind = keyof Decisions;

/** What of DECISIONS is trimmed, each kind by itself. */
export const DECISION_FILTERS = {
  config: decisionSubject("config" satisfies DecisionKind),
  redriven: decisionSubject("redriven" satisfies DecisionKind),
} as const;

/** Applies messages of DECISIONS to the ledger. A kind that this version does not know is passed over. */
export async function applyDecisions(
  ledger: Ledger,
  messages: readonly LogMessage[],
  positionOf: (message: LogMessage) => Position,
): Promise<void> {
  await applyEach(ledger, STREAMS.decisions, messages, positionOf, (message) => applyDecision(ledger, message));
}

/** Applies one; the answer says what is wrong with it. */
function applyDecision(ledger: Ledger, message: LogMessage): string | undefined {
  const { subject, payload, atMs } = message;
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  switch (lastToken(subject) as DecisionKind) {
    case "config": {
      const read = validateConfigDecision(value);
      if (!read.ok) return read.details.map(({ path, message }) => `${path} ${message}`).join("; ");
      const { version, routing, effectiveAfter } = read.value;
      ledger.configs.add(version, routing, effectiveAfter, atMs);
      // Versions are few, and each has to be told from the next: all of them are marked.
      ledger.marks.mark(DECISION_FILTERS.config, message, version);
      for (const center of routing.centers) ledger.names.centerId(center.id);
      return undefined;
    }
    case "redriven": {
      const { id, center } = value as Decisions["redriven"];
      if (parseAlarmId(id) === undefined || !isToken(center)) return "it names no delivery";
      const centerId = ledger.names.knownCenterId(center);
      if (centerId === undefined) return `it names an unknown center, ${center}`;
      const { found } = ledger.refs.find([id]);
      ledger.deliveries.apply({ event: "redriven", centerId, atMs }, found);
      ledger.marks.followed(DECISION_FILTERS.redriven, message, { bytes: payload.length, n: found[0]?.n ?? 0 });
      return undefined;
    }
    default:
      return undefined;
  }
}
