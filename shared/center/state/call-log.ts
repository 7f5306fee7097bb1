import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { cannotUse } from "../../sqlite/open.ts";
import type { CallState } from "./calls-table.ts";
import type { KeptAcknowledgment } from "./outcome-store.ts";

/** What happened since the store's last commit: the state of each call, and what handlers acknowledged. */
export interface CallEntry {
  calls: readonly CallState[];
  acknowledgments: readonly KeptAcknowledgment[];
}

/**
 * What a store has not committed yet, in a file beside it that is written without a sync: the kernel keeps the pages of
 * a killed process. A line costs a hundredth of a commit, so that every begin of a call can have one.
 *
 * Each line stands between the number of the commit that it follows, twice. The commits count on, and the file is
 * written again from its start after each: what an older line left behind it, and a line that a kill cut short, ends
 * with another number than it should.
 */
export class CallLog {
  readonly #path: string;
  readonly #file: number;
  #position = 0;

  /** Opens the file, or creates it. Throws `store_failed` if the disk does not take that. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT);
    } catch (error) {
      throw cannotUse(path, error);
    }
  }

  /** What was written after this commit, in order. */
  read(commit: number): CallEntry[] {
    const entries: CallEntry[] = [];
    for (const line of readFileSync(this.#path, "utf8").split("\n")) {
      const entry = entryOf(line, commit);
      if (entry === undefined) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Throws if the disk does not take it. */
  append(commit: number, entry: CallEntry): void {
    const line = Buffer.from(`${commit} ${JSON.stringify(entry)} ${commit}\n`);
    let written = 0;
    while (written < line.length) {
      written += writeSync(this.#file, line, written, line.length - written, this.#position + written);
    }
    this.#position += line.length;
  }

  /** All that was written is committed. */
  startAgain(): void {
    this.#position = 0;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function entryOf(line: string, commit: number): CallEntry | undefined {
  const [head, tail] = [`${commit} `, ` ${commit}`];
  if (!line.startsWith(head) || !line.endsWith(tail)) return undefined;
  try {
    return JSON.parse(line.slice(head.length, -tail.length)) as CallEntry;
  } catch {
    return undefined;
  }
}
