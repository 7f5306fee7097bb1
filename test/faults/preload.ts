import { appendFileSync, existsSync, readFileSync, rmSync, watchFile, writeFileSync } from "node:fs";
import { Socket } from "node:net";

// Loaded into every process under judgment before its own code.

/** What of a connection to SQLite says whether a commit is synced. */
interface Store {
  readonly open: boolean;
  pragma(name: string, options: { simple: true }): unknown;
}

interface Judged {
  judgePoint?: (name: string) => void;
  judgeStore?: (path: string, store: Store) => void;
}

const judged = globalThis as Judged;
const armFile = process.env["JUDGE_ARM"] ?? "";
const evidenceFile = process.env["JUDGE_EVIDENCE"] ?? "";
const clockFile = process.env["JUDGE_CLOCK"] ?? "";
const stallFile = process.env["JUDGE_STALLS"] ?? "";
/** Less than half of what a POST may take. */
const STALL_MS = 2_000;

// The judge holds the other end of this pipe: when it ends, however it ends, so do we.
new Socket({ fd: 3 })
  .on("close", () => process.kill(process.pid, "SIGKILL"))
  .resume()
  .unref();

/** Ends this process, as if its power had been cut, if the judge has armed this point. */
judged.judgePoint = (name) => {
  if (!existsSync(armFile) || readFileSync(armFile, "utf8") !== name) return;
  rmSync(armFile);
  process.kill(process.pid, "SIGKILL");
};

/** Tells the judge of a store whose commits are not synced: a killed process does not show it, only a power cut would. */
judged.judgeStore = (path, store) => {
  setInterval(() => {
    if (!store.open) return;
    const [journal, synchronous] = ["journal_mode", "synchronous"].map((name) => store.pragma(name, { simple: true }));
    if (journal === "wal" && synchronous === 2) return;
    writeFileSync(evidenceFile, `${path}: journal_mode = ${String(journal)}, synchronous = ${String(synchronous)}`);
  }, 500).unref();
};

/** Tells the judge when this process could not run for a while: what it waited for may have run out of time meanwhile. */
let ranAtMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  if (nowMs - ranAtMs > STALL_MS) appendFileSync(stallFile, `${performance.timeOrigin + nowMs}\n`);
  ranAtMs = nowMs;
}, 200).unref();

/** The judge turns the wall clock of this process by the milliseconds that its file holds, and reads when it was done. */
let turnedMs = 0;
const RealDate = Date;
const now = RealDate.now;
RealDate.now = () => now() + turnedMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now()] : args, newTarget) as Date,
  apply: () => new RealDate(RealDate.now()).toString(),
});
turnClock();
watchFile(clockFile, { interval: 50, persistent: false }, turnClock);

function turnClock(): void {
  if (!existsSync(clockFile)) return;
  turnedMs = Number(readFileSync(clockFile, "utf8"));
  writeFileSync(`${clockFile}.turned`, String(turnedMs));
}
