import { join } from "node:path";
import { expect, test } from "vitest";
import { LEDGER_FILE } from "../../../hub/ledger/ledger.ts";
import { ledgerMigrations } from "../../../hub/ledger/schema.ts";
import { answerChanges } from "../../../hub/stages/changes-service.ts";
import { openSqlite } from "../../../shared/sqlite/open.ts";
import type { ChangesReply, ChangesRequest } from "../../../shared/wire/change.ts";
import { copyOf } from "../../helpers/copy-of.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { ledgerFixture } from "../ledger/ledger-fixture.ts";

type Known = Pick<ChangesRequest, "ledger" | "run" | "since">;

/** A start of the hub on a folder, of which agents ask for their changes. */
function startHub(dataDir: string) {
  const { ledger, hold } = ledgerFixture([], dataDir);
  const ask = async (known: Known = { since: 0 }, agent = "gw-1"): Promise<ChangesReply> => {
    const request: ChangesRequest = { agent, epochs: [], ...known };
    return JSON.parse(
      await answerChanges(
        ledger,
        () => undefined,
        () => undefined,
        JSON.stringify(request),
      ),
    ) as ChangesReply;
  };
  return { ledger, hold, ask, stop: () => ledger.close() };
}

/** What an agent knows that has applied an answer. */
const knownOf = ({ ledger, run = "", changes }: ChangesReply, before = 0): Known => ({
  ledger,
  run,
  since: changes.at(-1)?.n ?? before,
});
const seqsOf = (reply: ChangesReply) => reply.changes.flatMap(({ ids }) => ids.map(([, first]) => first));

test("an agent goes on behind its number over starts of the hub, however old the run is that it knows", async () => {
  const dataDir = tempDir("ledger");
  let hub = startHub(dataDir);
  const nothing = knownOf(await hub.ask());
  await hub.hold({ seq: 1 });
  const one = knownOf(await hub.ask(nothing));
  for (const seq of [2, 3]) {
    hub.stop();
    hub = startHub(dataDir);
    await hub.hold({ seq });
  }
  const reply = await hub.ask(one);
  expect(reply.ledger).toBe(one.ledger);
  expect(reply.run).not.toBe(one.run);
  expect(seqsOf(reply)).toEqual([2, 3]);
  // A gateway that was restored comes again with what it knew then.
  for (const known of [knownOf(reply), one, nothing]) expect((await hub.ask(known)).ledger).toBe(one.ledger);
  expect(seqsOf(await hub.ask(one))).toEqual([2, 3]);
});

test.each(["while the hub was down", "while it ran"])(
  "a ledger restored from a copy made %s tells everything anew to one whose number it gave again, and renews its id once",
  async (when) => {
    const dataDir = tempDir("ledger");
    let hub = startHub(dataDir);
    for (const agent of ["gw-1", "gw-2"]) await hub.hold({ seq: 1, agent });
    const old = knownOf(await hub.ask());
    if (when === "while the hub was down") hub.stop();
    const restore = copyOf(dataDir);
    if (when === "while the hub was down") hub = startHub(dataDir);
    for (const agent of ["gw-1", "gw-2"]) await hub.hold({ seq: 2, agent });
    const [lost, other] = [knownOf(await hub.ask(old)), knownOf(await hub.ask({ since: 0 }, "gw-2"))];
    expect([lost.since, other.since]).toEqual([2, 2]);

    hub.stop();
    restore();
    hub = startHub(dataDir);
    for (const seq of [3, 4]) for (const agent of ["gw-1", "gw-2"]) await hub.hold({ seq, agent });
    // One who asks with what it knew before the copy was made, as an agent that was restored too, misses nothing.
    const common = await hub.ask(old);
    expect([common.ledger, seqsOf(common)]).toEqual([old.ledger, [3, 4]]);
    const [reply, second] = await Promise.all([hub.ask(lost), hub.ask(other, "gw-2")]);
    expect(reply.ledger).not.toBe(lost.ledger);
    expect(second.ledger).toBe(reply.ledger);
    for (const answer of [reply, second]) expect(seqsOf(answer)).toEqual([1, 3, 4]);
    // Nor does it change again as the agents go on, or for one that is late.
    for (const known of [knownOf(reply), old, lost]) expect((await hub.ask(known)).ledger).toBe(reply.ledger);
  },
);

test("what an agent has confirmed and the ledger no longer keeps is the same still", async () => {
  const dataDir = tempDir("ledger");
  let hub = startHub(dataDir);
  await hub.hold({ seq: 1 });
  const known = knownOf(await hub.ask());
  await hub.ask(known);
  expect(await hub.ledger.write(() => hub.ledger.changes.prune(Number.MAX_SAFE_INTEGER, 10))).toBe(1);
  hub.stop();
  hub = startHub(dataDir);
  await hub.hold({ seq: 2 });
  const reply = await hub.ask(known);
  expect([reply.ledger, seqsOf(reply)]).toEqual([known.ledger, [2]]);
});

test("of an agent that knows no runs only a number that was never given is noticed", async () => {
  const hub = startHub(tempDir("ledger"));
  await hub.hold({ seq: 1 });
  const { ledger } = await hub.ask();
  expect((await hub.ask({ ledger, since: 1 })).ledger).toBe(ledger);
  expect((await hub.ask({ ledger, since: 2 })).ledger).not.toBe(ledger);
});

test("a ledger from before there were runs knows what it told then", async () => {
  const dataDir = tempDir("ledger");
  const db = openSqlite({ path: join(dataDir, LEDGER_FILE), migrations: ledgerMigrations.slice(0, 2) });
  db.exec(`
    INSERT INTO meta VALUES ('ledger', 'ledger-1');
    INSERT INTO agent (id, name, change_n, first_seen_at) VALUES (1, 'gw-1', 1, 0);
    INSERT INTO change (agent_id, n, at, body) VALUES (1, 1, 0, '{"n":1,"kind":"held","at":"","ids":[["e1",1,1]]}');
  `);
  db.close();
  const hub = startHub(dataDir);
  await hub.hold({ seq: 2 });
  const told = await hub.ask({ ledger: "ledger-1", run: "", since: 1 });
  expect([told.ledger, seqsOf(told)]).toEqual(["ledger-1", [2]]);
  expect((await hub.ask({ ledger: "ledger-1", run: "", since: 2 })).ledger).not.toBe("ledger-1");
});
