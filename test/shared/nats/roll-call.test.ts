import { expect, test } from "vitest";
import { NatsLink } from "../../../shared/nats/link.ts";
import { RollCall } from "../../../shared/nats/roll-call.ts";
import { startNats } from "../../helpers/nats.ts";
import { silentLog } from "../../helpers/silent-log.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

async function connect(url: string): Promise<NatsLink> {
  const link = new NatsLink({ target: { servers: [url] }, name: "test", inboxPrefix: "_INBOX_test", log: silentLog() });
  link.start();
  whenTestFinished(() => link.stop());
  await link.waitConnected(5_000);
  return link;
}

test("who has joined answers, and says whether it is established; who has left does not", async () => {
  const { url } = await startNats();
  const link = await connect(url);
  const a = new RollCall(link, "roll", "a");
  const b = new RollCall(await connect(url), "roll", "b");
  expect(await b.others(100)).toEqual([]);
  a.join(silentLog());
  // Joining twice makes no second answer.
  a.join(silentLog());
  // What two connections send may come to the server in any order.
  await link.roundTripMs();
  expect(await b.others(100)).toEqual([{ instance: "a", established: false }]);
  a.establish();
  expect(await b.others(100)).toEqual([{ instance: "a", established: true }]);
  a.leave();
  expect(await b.others(100)).toEqual([]);
});

test("one that joins after the question went out is heard by its own question", async () => {
  const { url } = await startNats();
  const linkOfA = await connect(url);
  const a = new RollCall(linkOfA, "roll", "a");
  a.join(silentLog());
  const linkOfB = await connect(url);
  const asked = a.others(400);
  // The server has passed on the question, which b must not be there to answer.
  await linkOfA.roundTripMs();
  const b = new RollCall(linkOfB, "roll", "b");
  b.join(silentLog());
  expect(await b.others(100)).toEqual([{ instance: "a", established: false }]);
  expect(await asked).toEqual([{ instance: "b", established: false }]);
});

test("a question of anybody is answered, with whatever payload", async () => {
  const { url } = await startNats();
  const a = new RollCall(await connect(url), "roll", "a");
  a.join(silentLog());
  const link = await connect(url);
  expect(JSON.parse(await link.request("roll", "hello?", 1_000))).toEqual({ instance: "a", established: false });
});
