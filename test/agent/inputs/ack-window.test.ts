import mqtt from "mqtt";
import { expect, test } from "vitest";
import { AckWindow } from "../../../agent/inputs/mqtt/ack-window.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { eventually } from "../../helpers/eventually.ts";
import { startAedes } from "../../helpers/mqtt-broker.ts";
import { whenTestFinished } from "../../helpers/temp-dir.ts";

interface Held {
  payload: string;
  store: () => void;
  fail: (error: Error) => void;
}

/** A client whose messages wait until the test stores them; `acked` are the PUBACKs that it has sent, by their number. */
async function startClient(): Promise<{
  held: Held[];
  sent: number[];
  failures: string[];
  ids: number[];
  publish: (text: string) => Promise<unknown>;
}> {
  const broker = await startAedes();
  const client = mqtt.connect(broker.url, { clientId: "acks", reconnectPeriod: 0 });
  const acks = new AckWindow(client, (error) => failures.push(messageOf(error)));
  const failures: string[] = [];
  const held: Held[] = [];
  const ids: number[] = [];
  const sent: number[] = [];
  client.on("packetsend", (packet) => {
    if (packet.cmd === "puback") sent.push(packet.messageId ?? 0);
  });
  client.handleMessage = (packet, done) => {
    ids.push(packet.messageId ?? 0);
    const stored = new Promise<void>((store, fail) => held.push({ payload: String(packet.payload), store, fail }));
    stored.catch(() => undefined);
    void acks.add(packet, stored).then(() => done());
  };
  await client.subscribeAsync("a", { qos: 1 });
  const device = await mqtt.connectAsync(broker.url);
  whenTestFinished(async () => {
    await client.endAsync(true);
    await device.endAsync(true);
  });
  return { held, ids, sent, failures, publish: (text) => device.publishAsync("a", text, { qos: 1 }) };
}

test("messages are read on while earlier ones wait, and PUBACKs go out in their order, each after its message is stored", async () => {
  const { held, ids, sent, publish } = await startClient();
  for (const text of ["1", "2", "3"]) await publish(text);
  await eventually("all three are read", () => held.length === 3);
  expect(held.map(({ payload }) => payload)).toEqual(["1", "2", "3"]);
  expect(sent).toEqual([]);
  held[1]?.store();
  held[2]?.store();
  await publish("4");
  await eventually("the fourth is read", () => held.length === 4);
  expect(sent).toEqual([]);
  held[0]?.store();
  await eventually("three are answered", () => sent.length === 3);
  expect(sent).toEqual(ids.slice(0, 3));
});

test("behind a message that could not be stored nothing is answered", async () => {
  const { held, ids, sent, failures, publish } = await startClient();
  for (const text of ["1", "2", "3"]) await publish(text);
  await eventually("all three are read", () => held.length === 3);
  held[1]?.fail(new Error("full"));
  held[2]?.store();
  expect(failures).toEqual([]);
  held[0]?.store();
  await publish("4");
  await eventually("the fourth is read", () => held.length === 4);
  held[3]?.store();
  await eventually("the first is answered", () => sent.length === 1);
  expect(new Set(failures)).toEqual(new Set(["full"]));
  await publish("5");
  await eventually("the fifth is read", () => held.length === 5);
  expect(sent).toEqual(ids.slice(0, 1));
});
