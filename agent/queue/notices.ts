import type { Report } from "../../shared/alarm/report.ts";
import { counted } from "../../shared/runtime/words.ts";
import type { Damages } from "./damages.ts";
import type { Epochs } from "./epochs.ts";
import type { Losses, LossReason } from "./losses.ts";
import { cleanString, type Quarantine } from "./quarantine.ts";

/** An alarm of our own, and what is to be noted in the transaction that stores it. */
export interface Notice {
  report: Report;
  told: (seq: number) => void;
}

/** The least time between two alarms of our own about the same thing; what happens meanwhile is told by the next. */
const NOTICE_EVERY_MS = 60_000;
/** The most alarms of losses at once, and how much of ranges each carries; the rest follows at once. */
const LOSS_ALARMS_MAX = 8;
const RANGES_CHARS_MAX = 32 * 1024 - 16;
const TEXT_CHARS_MAX = 1_024;

const WHY: Record<LossReason, string> = {
  evicted: "The queue was full: alarms of lower priority were given up before the hub held them",
  damaged: "The queue was damaged: alarms that it held, or may have held, could not be read",
};

/**
 * The queue's alarms about itself: nothing goes into quarantine, is lost or was damaged in silence. What was told is
 * marked in the transaction that stores the alarm, so that a restart neither forgets nor repeats it.
 */
export class Notices {
  readonly #quarantine: Quarantine;
  readonly #losses: Losses;
  readonly #damages: Damages;
  readonly #epochs: Epochs;
  readonly #nowMs: () => number;
  #quarantineToldAtMs = Number.NEGATIVE_INFINITY;
  #lossToldAtMs = Number.NEGATIVE_INFINITY;

  /** `nowMs` is a monotonic clock. */
  constructor(
    parts: { quarantine: Quarantine; losses: Losses; damages: Damages; epochs: Epochs },
    nowMs = () => performance.now(),
  ) {
    this.#quarantine = parts.quarantine;
    this.#losses = parts.losses;
    this.#damages = parts.damages;
    this.#epochs = parts.epochs;
    this.#nowMs = nowMs;
  }

  get isDue(): boolean {
    return this.#damages.untold() !== undefined || this.#isQuarantineDue || this.#isLossDue;
  }

  /** What is to be told now. To be called inside the transaction that stores it. */
  take(): Notice[] {
    return [...this.#ofDamage(), ...this.#ofLosses(), ...this.#ofQuarantine()];
  }

  /** A transaction failed: what it was to tell is still to be told. */
  rollback(): void {
    this.#quarantineToldAtMs = Number.NEGATIVE_INFINITY;
    this.#lossToldAtMs = Number.NEGATIVE_INFINITY;
  }

  get #isQuarantineDue(): boolean {
    return this.#nowMs() - this.#quarantineToldAtMs >= NOTICE_EVERY_MS && this.#quarantine.hasNews;
  }

  get #isLossDue(): boolean {
    return this.#nowMs() - this.#lossToldAtMs >= NOTICE_EVERY_MS && this.#losses.hasNews;
  }

  #ofDamage(): Notice[] {
    const damage = this.#damages.untold();
    if (damage === undefined) return [];
    const { file, lost, parts, reason, rebuilt, saved } = damage;
    const text =
      `The queue was damaged (${reason}) and is set aside as ${file}. ${counted(saved, "alarm")} saved` +
      `${rebuilt === 0 ? "" : `, ${rebuilt} of them without their stages`}; ` +
      `${lost === 0 ? "none is known to be lost" : `up to ${lost} are lost`}` +
      `${parts === "" ? "" : `; not read to the end: ${parts}`}`;
    return [
      {
        report: {
          category: "supervision",
          point: "queue",
          code: "queue-damaged",
          codeSystem: "custom",
          event: "status",
          priority: "high",
          text: cleanString(text.slice(0, TEXT_CHARS_MAX)),
          attributes: { file, saved, rebuilt, lost },
        },
        told: (seq) => this.#damages.told(damage, seq),
      },
    ];
  }

  #ofLosses(): Notice[] {
    if (!this.#isLossDue) return [];
    const losses = this.#losses.untold(this.#epochs, LOSS_ALARMS_MAX, RANGES_CHARS_MAX);
    if (losses.length < LOSS_ALARMS_MAX) this.#lossToldAtMs = this.#nowMs();
    return losses.map((loss) => ({
      report: {
        category: "supervision",
        point: "queue",
        code: "queue-loss",
        codeSystem: "custom",
        event: "status",
        priority: "high",
        text: `${WHY[loss.reason]} (${loss.alarms})`,
        raw: JSON.stringify({ lost: loss.ranges }),
        attributes: { reason: loss.reason, alarms: loss.alarms },
      },
      told: (seq) => this.#losses.told(loss, seq),
    }));
  }

  #ofQuarantine(): Notice[] {
    const news = this.#isQuarantineDue ? this.#quarantine.unreported() : undefined;
    if (news === undefined) return [];
    this.#quarantineToldAtMs = this.#nowMs();
    const { count, last, raw } = news;
    const what = count === 1 ? "One payload" : `${count} payloads`;
    const text = `${what} could not be used; the last, from ${last.input} ${last.source}: ${last.reason}`;
    return [
      {
        report: {
          category: "technical",
          point: "quarantine",
          event: "status",
          text: cleanString(text.slice(0, TEXT_CHARS_MAX)),
          raw,
          attributes: { count, quarantineN: last.n },
        },
        told: () => this.#quarantine.markReported(),
      },
    ];
  }
}
