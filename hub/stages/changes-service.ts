import { isToken } from "../../shared/alarm/identity.ts";
import { formatTime } from "../../shared/alarm/time.ts";
import { RelayError } from "../../shared/runtime/errors.ts";
import type { Change, ChangesReply, ChangesRequest, Followed } from "../../shared/wire/change.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { isRange } from "../ledger/loss-report.ts";

const CHANGES_PER_REPLY = 500;
const REPLY_CHARS_MAX = 512 * 1024;

/**
 * Answers `hub.changes`: the changes of an agent after the last one that it has applied, and with the last page how
 * far the ledger has followed each lane. Both are read in the same turn, so that what is not held by then, although
 * the log has been followed past it, will never be held unless it is relayed again. `onAsked` hears of who asked.
 */
export function answerChanges(
  ledger: Ledger,
  followed: () => Followed | undefined,
  onAsked: (agent: string) => void,
  request: string,
): Promise<string> {
  const { agent, ledger: known, run, since, epochs, probe } = parseRequest(request);
  if (probe === true) return Promise.resolve(encode({ ledger: ledger.id, run: ledger.run, changes: [], more: true }));
  onAsked(agent);
  return ledger.write(() => {
    const agentId = ledger.names.agentId(agent, Date.now());
    // It knows other changes under these numbers, or more: this ledger is an older copy of the one that told them. Once
    // is enough for all agents: what the others know is then of another ledger, too.
    if (known === ledger.id && !ledger.changes.hasTold(agentId, since, run)) ledger.renewId();
    // Numbers of another ledger mean nothing here: the agent gets everything again, and stages only rise.
    const from = known === ledger.id ? since : 0;
    if (known === ledger.id) ledger.changes.confirm(agentId, since);
    ledger.declarations.declare(agentId, ledger.id, epochs);
    const { changes, more } = page(ledger.changes.since(agentId, from, CHANGES_PER_REPLY + 1));
    const now = more ? undefined : followed();
    return encode({
      ledger: ledger.id,
      run: ledger.run,
      changes,
      more,
      ...(now === undefined ? {} : { followed: now }),
    });
  });
}

function encode(reply: ChangesReply): string {
  return JSON.stringify({ ...reply, at: formatTime(Date.now()) });
}

function page(found: readonly Change[]): { changes: Change[]; more: boolean } {
  const changes: Change[] = [];
  let chars = 0;
  for (const change of found) {
    chars += JSON.stringify(change).length;
    if (changes.length > 0 && (chars > REPLY_CHARS_MAX || changes.length >= CHANGES_PER_REPLY)) break;
    changes.push(change);
  }
  return { changes, more: changes.length < found.length };
}

function parseRequest(text: string): ChangesRequest {
  const request = JSON.parse(text) as Partial<ChangesRequest>;
  if (typeof request.agent !== "string" || !isToken(request.agent) || !Number.isSafeInteger(request.since)) {
    throw new RelayError("bad_request", "a request for changes names an agent and a number");
  }
  const epochs = Array.isArray(request.epochs) ? request.epochs.filter(isRange) : [];
  return { ...(request as ChangesRequest), epochs };
}
