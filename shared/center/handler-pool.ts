import { messageOf } from "../runtime/errors.ts";
import { type Job, Lanes } from "./lanes.ts";
import type { AlarmRecord, Outcome, OutcomeStore, WireAttempt } from "./state/outcome-store.ts";

/** An alarm on its way through the center. */
export interface AlarmJob extends Job {
  record: AlarmRecord;
  wire: WireAttempt;
}

export interface HandlerPoolOptions<J extends AlarmJob> {
  /** Handler calls at once, over all lanes. */
  concurrency: number;
  store: OutcomeStore;
  /** Calls the handler. It does not reject: whatever the handler does is an outcome. */
  call: (job: J, attempt: number) => Promise<Outcome>;
  /** The outcome is kept: the receipt may go out. */
  onOutcome: (job: J, outcome: Outcome) => void;
  /** The store does not take what it must keep; it is tried again. */
  onTrouble: (error: Error) => void;
}

/** A call that has ended and is not kept yet. */
interface Ended<J> {
  job: J;
  outcome: Outcome;
}

/** Those that share a commit of the store. */
interface Keeping<J> {
  commit: Promise<void>;
  ended: Ended<J>[];
}

/** Starts in one turn of the event loop, so that handlers that return at once do not keep the network waiting. */
const STARTS_PER_TURN_MAX = 256;
const STORE_RETRY_MS = 1_000;

/**
 * Runs handlers: marks the start of each call in the store, calls, keeps the outcome, reports it. A slot is free again
 * when its handler has returned; outcomes that end in one turn share a synced commit. One slot is left to critical
 * alarms, so that handlers that hang on lower ones do not hold up a fire.
 */
export class HandlerPool<J extends AlarmJob> {
  readonly #options: HandlerPoolOptions<J>;
  readonly #lanes = new Lanes<J>();
  /** Taken from the lanes, but the store did not take their marks yet. */
  #unmarked: J[] = [];
  #running = 0;
  /** Handlers that run and outcomes that are not kept yet. */
  #unfinished = 0;
  #keeping: Keeping<J> | undefined;
  #startsThisTurn = 0;
  #scheduled = false;
  #stopped = false;
  #isAbandoned = false;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #drained: (() => void)[] = [];

  constructor(options: HandlerPoolOptions<J>) {
    this.#options = options;
  }

  add(job: J): void {
    this.#lanes.add(job);
    this.#schedule();
  }

  /** Starts no further handler. Resolves when those that run have ended and their outcomes are kept. */
  drain(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retryTimer);
    this.#lanes.clear();
    this.#unmarked = [];
    if (this.#unfinished === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    const round = (): void => {
      this.#scheduled = false;
      this.#startSome();
    };
    if (this.#startsThisTurn < STARTS_PER_TURN_MAX) queueMicrotask(round);
    else setImmediate(round);
  }

  #startSome(): void {
    if (this.#stopped || this.#retryTimer !== undefined) return;
    const jobs = this.#takeStartable();
    if (jobs.length === 0) return;
    const { store } = this.#options;
    const attempts = jobs.map(({ record, wire }) => store.attemptOf(record, wire));
    try {
      store.begin(jobs.map(({ record }) => record));
    } catch (error) {
      this.#unmarked = jobs;
      this.#trouble(error);
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = undefined;
        this.#schedule();
      }, STORE_RETRY_MS);
      return;
    }
    if (this.#startsThisTurn === 0) setImmediate(() => (this.#startsThisTurn = 0));
    this.#startsThisTurn += jobs.length;
    jobs.forEach((job, i) => {
      void this.#run(job, attempts[i] as number);
    });
  }

  #takeStartable(): J[] {
    const { concurrency } = this.#options;
    const jobs = this.#unmarked;
    this.#unmarked = [];
    for (;;) {
      const free = concurrency - this.#running - jobs.length;
      if (free <= 0) return jobs;
      const job = this.#lanes.take(free === 1 && concurrency > 1);
      if (job === undefined) return jobs;
      jobs.push(job);
    }
  }

  async #run(job: J, attempt: number): Promise<void> {
    this.#running++;
    this.#unfinished++;
    const outcome = await this.#options.call(job, attempt);
    this.#running--;
    this.#lanes.done(job);
    this.#schedule();
    this.#keep({ job, outcome });
  }

  /** Whatever still runs is left to itself: its outcome is not kept, and its alarm comes again. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** A handler has done its work, so its outcome is kept however long the store takes to accept it. */
  #keep(ended: Ended<J>): void {
    if (this.#isAbandoned) {
      this.#finished(1);
      return;
    }
    const commit = this.#options.store.finish(ended.job.record, ended.outcome);
    if (this.#keeping?.commit === commit) {
      this.#keeping.ended.push(ended);
      return;
    }
    const keeping = { commit, ended: [ended] };
    this.#keeping = keeping;
    void this.#report(keeping);
  }

  /** One promise and one receipt for all that share a commit. */
  async #report(keeping: Keeping<J>): Promise<void> {
    try {
      await keeping.commit;
    } catch (error) {
      this.#trouble(error);
      setTimeout(() => {
        for (const ended of keeping.ended) this.#keep(ended);
      }, STORE_RETRY_MS);
      return;
    } finally {
      if (this.#keeping === keeping) this.#keeping = undefined;
    }
    for (const { job, outcome } of keeping.ended) this.#options.onOutcome(job, outcome);
    this.#finished(keeping.ended.length);
  }

  #finished(count: number): void {
    this.#unfinished -= count;
    if (this.#unfinished > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #trouble(error: unknown): void {
    this.#options.onTrouble(
      new Error(`the state directory does not take what must be kept: ${messageOf(error)}`, { cause: error }),
    );
  }
}
