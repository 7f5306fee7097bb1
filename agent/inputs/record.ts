import { isErrorCode, RelayError } from "../../shared/runtime/errors.ts";
import type { IntakeCounter } from "./types.ts";

/** How long a refusal stands for the next report, where none has come since. */
const REFUSAL_MS = 10_000;

/** What the inputs have taken and refused since the start, for metrics and readiness. */
export class IntakeRecord implements IntakeCounter {
  readonly #accepted = new Map<string, number>();
  readonly #refused = new Map<string, { input: string; reason: string; count: number }>();
  readonly #nowMs: () => number;
  #refusal: { reason: string; atMs: number } | undefined;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  accepted(input: string, reports: number): void {
    this.#accepted.set(input, (this.#accepted.get(input) ?? 0) + reports);
    this.#refusal = undefined;
  }

  refused(input: string, reason: string): void {
    const key = `${input} ${reason}`;
    const entry = this.#refused.get(key) ?? { input, reason, count: 0 };
    entry.count++;
    this.#refused.set(key, entry);
    // Only what would be refused whoever sends it says something about us.
    if (isErrorCode(reason) && new RelayError(reason, "").retry) this.#refusal = { reason, atMs: this.#nowMs() };
  }

  acceptedByInput(): Iterable<[input: string, count: number]> {
    return this.#accepted;
  }

  refusedByReason(): Iterable<{ input: string; reason: string; count: number }> {
    return this.#refused.values();
  }

  /** The reason for which the last report was refused though nothing was wrong with it, if that is recent. */
  get refusalReason(): string | undefined {
    const refusal = this.#refusal;
    return refusal !== undefined && this.#nowMs() - refusal.atMs < REFUSAL_MS ? refusal.reason : undefined;
  }
}
