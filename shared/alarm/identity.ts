import { randomInt } from "node:crypto";

/** The parts of an alarm's id, `<agent>.<epoch>.<seq>`. */
export interface AlarmIdentity {
  agent: string;
  epoch: string;
  seq: number;
}

/** What an agent, an epoch, a center or any other token of a NATS subject may be called. */
export const TOKEN_PATTERN = "^[A-Za-z0-9_-]{1,64}$";
const TOKEN = new RegExp(TOKEN_PATTERN);
export const ALARM_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,64}\\.[1-9][0-9]{0,15}$";
const ALARM_ID = /^([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([1-9][0-9]{0,15})$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function formatAlarmId(agent: string, epoch: string, seq: number): string {
  return `${agent}.${epoch}.${seq}`;
}

/** The parts of `id`, or undefined if it is not the id of an alarm. */
export function parseAlarmId(id: string): AlarmIdentity | undefined {
  const match = ALARM_ID.exec(id);
  if (match === null) return undefined;
  const seq = Number(match[3]);
  if (!Number.isSafeInteger(seq)) return undefined;
  return { agent: match[1] as string, epoch: match[2] as string, seq };
}

const EPOCH_ALPHABET = "0123456789abcdefghijkmnpqrstuvwxyz";
const EPOCH_LENGTH = 8;

/**
 * A new random epoch: 34^8 (1.8e12) values, so that two starts of one agent, of a copy of its card or from a
 * restored backup do not share one. It is short because every id carries it.
 */
export function newEpoch(): string {
  let epoch = "";
  for (let i = 0; i < EPOCH_LENGTH; i++) epoch += EPOCH_ALPHABET[randomInt(EPOCH_ALPHABET.length)];
  return epoch;
}

/** A run of sequence numbers of one epoch, both ends included: how a change names many alarms. */
export type SeqRange = [epoch: string, first: number, last: number];

/** Joins identities into runs. Order is kept; only neighbours that continue each other are joined. */
export function toRanges(identities: Iterable<{ epoch: string; seq: number }>): SeqRange[] {
  const ranges: SeqRange[] = [];
  let open: SeqRange | undefined;
  for (const { epoch, seq } of identities) {
    if (open !== undefined && open[0] === epoch && open[2] + 1 === seq) open[2] = seq;
    else {
      open = [epoch, seq, seq];
      ranges.push(open);
    }
  }
  return ranges;
}
