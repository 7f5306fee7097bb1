import { join } from "node:path";
import { eventually } from "../../helpers/eventually.ts";
import { gather } from "../backlog.ts";
import { HttpConnection } from "../http-connection.ts";
import { queueProgress } from "../load.ts";
import { accountOf, BIG_ACCOUNT, CENTER, idOf, KEEPING_ALL, preparedLedger } from "../make-ledger.ts";
import { copyPrepared } from "../prepared.ts";
import { BenchRelay } from "../relay.ts";
import { atLeast, atMost, type Measurement, type Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";

const WITHIN = { timeoutMs: 300_000, everyMs: 5 };

/**
 * What the size of the ledger costs: intake into a ledger with ten million alarms, of which 100,000 are open, against
 * intake into an empty one, in turn; and what an operator asks of it over HTTP. Intake is from the first PubAck until
 * the hub holds all of it; no center listens, so that nothing else is measured.
 */
export const ledger: Scenario = {
  name: "ledger",
  title: "a ledger of ten million alarms",
  runs: (quick) => (quick ? 1 : 3),
  bars: [
    atLeast("intake, of that into an empty ledger", 80, "%"),
    atMost("open alarms, p99", 20, "ms"),
    atMost("alarms of an account, p99", 20, "ms"),
    atMost("one alarm, p99", 5, "ms"),
  ],
  run: async ({ quick }) => {
    const rows = quick ? 200_000 : 10_000_000;
    const dir = await preparedLedger(rows);
    const alarms = quick ? 30_000 : 200_000;
    const empty = await measure(alarms, async () => undefined);
    const full = await measure(
      alarms,
      (hubUrl) => ask(hubUrl, rows, quick ? 200 : 1_000),
      (hubDir) => copyPrepared(dir, hubDir),
    );
    return [
      { name: "alarms in the ledger", unit: "rows", value: rows },
      { name: "intake into an empty ledger", unit: "alarms/s", value: empty.perSecond },
      { name: "intake", unit: "alarms/s", value: full.perSecond },
      { name: "intake, of that into an empty ledger", unit: "%", value: (full.perSecond / empty.perSecond) * 100 },
      ...(full.asked ?? []),
    ];
  },
};

/** The intake of a backlog by a hub whose folder `prepare` has filled; before it, `look` asks the idle hub. */
async function measure<T>(
  alarms: number,
  look: (hubUrl: string) => Promise<T>,
  prepare: (hubDir: string) => void = () => undefined,
): Promise<{ perSecond: number; asked: T }> {
  const relay = await BenchRelay.create();
  try {
    prepare(join(relay.dir, "hub"));
    await gather(relay, "gw-1", alarms);
    await relay.startHub([CENTER], KEEPING_ALL);
    const asked = await look(relay.hubUrl);
    const agent = await HttpConnection.open((await relay.startAgent()).url);
    await eventually("the backlog drains", async () => (await queueProgress(agent)).hasRelayed, WITHIN);
    const startMs = performance.now();
    await eventually("the hub holds it", async () => (await queueProgress(agent)).held >= alarms, WITHIN);
    agent.close();
    return { perSecond: (alarms / (performance.now() - startMs)) * 1_000, asked };
  } finally {
    await relay.stop();
  }
}

async function ask(hubUrl: string, rows: number, times: number): Promise<Measurement[]> {
  const hub = await HttpConnection.open(hubUrl);
  const p99 = async (name: string, path: (i: number) => string): Promise<Measurement> => {
    const times_: number[] = [];
    for (let i = 0; i < times; i++) {
      const startMs = performance.now();
      const { status, body } = await hub.get(path(i));
      if (status !== 200) throw new Error(`${path(i)} answered ${status}: ${body}`);
      times_.push(performance.now() - startMs);
    }
    return { name: `${name}, p99`, unit: "ms", value: percentile(times_, 0.99) };
  };
  const measurements = [
    await p99("open alarms", () => "/v1/alarms?open=true"),
    // Every tenth asks for an account with far more alarms than the others.
    await p99("alarms of an account", (i) => `/v1/alarms?account=${i % 10 === 9 ? BIG_ACCOUNT : accountOf(i * 37)}`),
    await p99("one alarm", (i) => `/v1/alarms/${idOf(1 + ((i * 7_919_777) % rows))}`),
  ];
  hub.close();
  return measurements;
}
