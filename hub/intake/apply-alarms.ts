import type { Lane } from "../../shared/alarm/priority.ts";
import type { LogMessage } from "../../shared/nats/log-reader.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { isStoreTrouble } from "../../shared/sqlite/trouble.ts";
import { type DecodedFrame, decodeFrame } from "../../shared/wire/frame.ts";
import { HEADERS } from "../../shared/wire/headers.ts";
import { parseAlarmSubject, STREAMS } from "../../shared/wire/subjects.ts";
import { COMMIT_ALARMS_MAX, type Ledger } from "../ledger/ledger.ts";
import type { Position } from "../ledger/positions.ts";
import { faultOf, idOfSender } from "./alarm-fault.ts";
import type { Place } from "./lost-ledger.ts";

/** The index of a fault that is not the sender's but ours: its alarm stays with the agent, which relays it again. */
const LEDGER_FAULT = -2;

/** The lane of critical alarms: its frames do not wait for what else is to be committed. */
const CRITICAL: Lane = 0;

type PositionOf = (message: LogMessage) => Position;

/** Where alarms are applied, and how far they are marked as ones that somebody else may have dispatched. */
interface Target {
  ledger: Ledger;
  lane: Lane;
  markedUpTo: Place | undefined;
}

/** Applies messages of one lane of ALARMS to the ledger, in commits of bounded size. */
export async function applyAlarms(
  target: Target,
  messages: readonly LogMessage[],
  positionOf: PositionOf,
): Promise<void> {
  let decoded: Decoded[] = [];
  let alarms = 0;
  for (const message of messages) {
    const next = decode(message);
    decoded.push(next);
    alarms += next.frame.alarms.length;
    if (alarms < COMMIT_ALARMS_MAX && message !== messages.at(-1)) continue;
    await applyApart(target, decoded, positionOf);
    decoded = [];
    alarms = 0;
  }
}

function alarmsIn(batch: readonly Decoded[]): number {
  return batch.reduce((sum, { frame }) => sum + frame.alarms.length, 0);
}

interface Decoded {
  message: LogMessage;
  frame: DecodedFrame;
}

function decode(message: LogMessage): Decoded {
  const sender = parseAlarmSubject(message.subject);
  return { message, frame: decodeFrame(message.payload, (alarm) => faultOf(alarm, sender?.agent)) };
}

/**
 * Applies them together. Where one of them makes the ledger throw, they are tried in halves, down to a single alarm,
 * which becomes a fault: whatever it is about it, what lies behind goes on. Trouble with the disk is nobody's fault.
 */
async function applyApart(target: Target, batch: readonly Decoded[], positionOf: PositionOf): Promise<void> {
  try {
    await target.ledger.write(() => applyBatch(target, batch, positionOf), {
      size: alarmsIn(batch),
      isUrgent: target.lane === CRITICAL,
    });
  } catch (error) {
    if (isStoreTrouble(error)) throw error;
    const parts = halvesOf(batch) ?? [[asFault(batch[0] as Decoded, messageOf(error))]];
    // What throws even as a fault is not about this message; the follower says so and tries again.
    if (batch[0]?.frame.alarms.length === 0 && batch.length === 1) throw error;
    for (const part of parts) await applyApart(target, part, positionOf);
  }
}

/** The batch in two, a single frame by its alarms; undefined for a single alarm. */
function halvesOf(batch: readonly Decoded[]): (readonly Decoded[])[] | undefined {
  if (batch.length > 1) {
    const half = batch.length >> 1;
    return [batch.slice(0, half), batch.slice(half)];
  }
  const [{ message, frame }] = batch as [Decoded];
  if (frame.alarms.length < 2) return undefined;
  const half = frame.alarms.length >> 1;
  const { faults } = frame;
  return [
    [{ message, frame: { alarms: frame.alarms.slice(0, half), faults: [] } }],
    [{ message, frame: { alarms: frame.alarms.slice(half), faults } }],
  ];
}

function asFault({ message, frame }: Decoded, reason: string): Decoded {
  const [poison] = frame.alarms;
  if (poison === undefined) return { message, frame };
  const fault = { index: LEDGER_FAULT, reason: `the ledger cannot hold it: ${reason}`, encoded: poison.encoded };
  return { message, frame: { alarms: [], faults: [...frame.faults, fault] } };
}

function applyBatch({ ledger, lane, markedUpTo }: Target, batch: readonly Decoded[], positionOf: PositionOf): void {
  const nowMs = Date.now();
  for (const { message, frame } of batch) {
    const { subject, seq } = message;
    const sender = parseAlarmSubject(subject);
    const relayedAgain = message.header(HEADERS.relayedAgain) !== undefined;
    for (const { index, reason, encoded } of frame.faults) {
      const id = idOfSender(encoded, sender?.agent);
      // One that was refused before is sent again because its agent has not heard of it: that is no second fault.
      const isRefusal = id !== undefined && index !== LEDGER_FAULT;
      const isNew = !isRefusal || ledger.refuse({ id, reason, relayedAgain }, nowMs);
      const fault = { log: STREAMS.alarms, seq, subject, reason, payload: encoded };
      if (isNew) ledger.faults.add(id === undefined ? fault : { ...fault, id }, nowMs);
    }
    if (sender === undefined || frame.alarms.length === 0) continue;
    const { streamCreatedAt } = positionOf(message);
    const router = ledger.configs.routerAt(streamCreatedAt, sender.lane, seq);
    const isKnownElsewhere = markedUpTo?.streamCreatedAt === streamCreatedAt && seq <= markedUpTo.seq;
    const isMarked = relayedAgain || isKnownElsewhere;
    ledger.hold({ ...sender, relayedAgain, isMarked, alarms: frame.alarms, router }, nowMs);
  }
  const last = batch.at(-1);
  if (last === undefined) return;
  ledger.positions.set(STREAMS.alarms, lane, positionOf(last.message));
  const chars = batch.reduce((sum, { message }) => sum + message.payload.length, 0);
  ledger.followed(lane, last.message, chars);
}
