import { expect } from "vitest";
import { parseAlarmId } from "../../shared/alarm/identity.ts";
import { type Center, type CenterOptions, connectCenter } from "../../shared/center/index.ts";
import type { Delivery } from "../../shared/center/types.ts";
import { eventually } from "../helpers/eventually.ts";
import { tempDir, whenTestFinished } from "../helpers/temp-dir.ts";

type Handled = Pick<Delivery, "alarm" | "attempt"> & Partial<Pick<Delivery, "relayedAgain">>;

/** A failure is understood from a few examples. */
const SHOWN_MAX = 10;

interface Call {
  id: string;
  lane: string;
  attempt: number;
  relayedAgain: boolean;
  /** By the monotonic clock. */
  atMs: number;
}

/** Every call of a center's handler, in order. It judges what is missing, what nobody sent, and what came twice. */
export class Collector {
  readonly calls: Call[] = [];
  readonly #firstAtMs = new Map<string, number>();

  /** Notes one call. Returns at once: what was noted is received. */
  readonly handle = ({ alarm, attempt, relayedAgain = false }: Handled): void => {
    const atMs = performance.now();
    this.calls.push({ id: alarm.id, lane: `${alarm.agent} ${alarm.priority}`, attempt, relayedAgain, atMs });
    if (!this.#firstAtMs.has(alarm.id)) this.#firstAtMs.set(alarm.id, atMs);
  };

  /** How many different alarms have come. */
  get size(): number {
    return this.#firstAtMs.size;
  }

  firstAtMs(id: string): number | undefined {
    return this.#firstAtMs.get(id);
  }

  /** Waits until `count` different alarms have come. */
  async waitFor(count: number, timeoutMs = 60_000): Promise<void> {
    await eventually(
      `${count} alarms at the handler`,
      () => {
        if (this.size < count) throw new Error(`${this.size} have come`);
        return true;
      },
      { timeoutMs },
    );
  }

  /** Waits for one alarm; returns when it came. */
  async waitForAlarm(id: string, timeoutMs = 30_000): Promise<number> {
    return await eventually(`${id} at the handler`, () => this.firstAtMs(id), { timeoutMs, everyMs: 1 });
  }

  /** Fails unless exactly these alarms have come, each once, in the order of seq within (agent, lane). */
  expectOnceInOrder(ids: readonly string[]): void {
    this.expectExactly(ids);
    expect(this.repeats().slice(0, SHOWN_MAX)).toEqual([]);
    expect(this.outOfOrder().slice(0, SHOWN_MAX)).toEqual([]);
  }

  /** Fails if one of these alarms has not come, or one came that is none of them. */
  expectExactly(ids: readonly string[]): void {
    const sent = new Set(ids);
    expect(sent.size).toBe(ids.length);
    expect({
      missing: ids.filter((id) => !this.#firstAtMs.has(id)).slice(0, SHOWN_MAX),
      unexpected: this.calls.filter(({ id }) => !sent.has(id)).slice(0, SHOWN_MAX),
    }).toEqual({ missing: [], unexpected: [] });
  }

  /** Calls for an alarm that had come before. */
  repeats(): Call[] {
    const seen = new Set<string>();
    return this.calls.filter(({ id }) => seen.has(id) || !seen.add(id));
  }

  /** Calls that came after one with a higher number of the same epoch, agent and lane, and are not marked as such. */
  outOfOrder(): Call[] {
    const last = new Map<string, number>();
    return this.calls.filter(({ id, lane, relayedAgain }) => {
      const { epoch, seq } = parseAlarmId(id) as { epoch: string; seq: number };
      const key = `${lane} ${epoch}`;
      const isLate = seq <= (last.get(key) ?? 0);
      last.set(key, Math.max(seq, last.get(key) ?? 0));
      return isLate && !relayedAgain;
    });
  }
}

/** Listens as a center, with a state directory; stopped at the end of the test. */
export async function listenAs(
  id: string,
  servers: string,
  options: Partial<CenterOptions> & { collector?: Collector } = {},
): Promise<{ center: Center; collector: Collector; stateDir: string }> {
  const { collector = new Collector(), stateDir = tempDir(`state-${id}`), ...more } = options;
  const center = await connectCenter({ id, servers, stateDir, ...more });
  whenTestFinished(() => center.stop());
  await center.listen((delivery) => collector.handle(delivery));
  return { center, collector, stateDir };
}
