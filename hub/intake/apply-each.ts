import type { LogMessage } from "../../shared/nats/log-reader.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isStoreTrouble } from "../../shared/sqlite/trouble.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { NO_LANE, type Position } from "../ledger/positions.ts";

/**
 * Applies messages of a log without lanes in one transaction, with the position behind them: not synced by itself, since
 * the log is, and a ledger that has lost its end reads on from an older position. `apply` says what is wrong
 * with a message that cannot be read. Where one makes the ledger throw, they are tried one by one, and that one becomes
 * a fault: what lies behind it goes on. Trouble with the disk is nobody's fault.
 */
export async function applyEach<Message extends LogMessage>(
  ledger: Ledger,
  stream: string,
  messages: readonly Message[],
  positionOf: (message: LogMessage) => Position,
  apply: (message: Message) => string | undefined,
  alarmsIn: (message: Message) => number = () => 1,
): Promise<void> {
  const one = (message: Message, reason: string | undefined): void => {
    if (reason !== undefined) ledger.faults.add({ log: stream, ...message, reason }, Date.now());
    ledger.positions.set(stream, NO_LANE, positionOf(message));
  };
  try {
    await ledger.note(
      () => {
        for (const message of messages) one(message, apply(message));
      },
      { size: messages.reduce((sum, message) => sum + alarmsIn(message), 0) },
    );
  } catch (error) {
    if (isStoreTrouble(error)) throw error;
    const [first] = messages;
    if (messages.length === 1 && first !== undefined) {
      await ledger.write(() => one(first, `the ledger cannot apply it: ${messageOf(error)}`));
      return;
    }
    for (const message of messages) await applyEach(ledger, stream, [message], positionOf, apply, alarmsIn);
  }
}
