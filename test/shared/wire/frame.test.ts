import { expect, test } from "vitest";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { decodeFrame, encodeFrame } from "../../../shared/wire/frame.ts";

const alarm = (seq: number): Alarm => ({
  id: `gw-1.e1.${seq}`,
  agent: "gw-1",
  point: 'zone\n"3",\n{',
  category: "fire",
  condition: "fire",
  event: "raised",
  priority: "critical",
  acceptedAt: "2026-03-01T12:00:00.000Z",
});
const whole = (): undefined => undefined;

/** What the alarms of a frame say, and the texts that are kept of them. */
function read(payload: string): { said: unknown[]; kept: unknown[] } {
  const { alarms, faults } = decodeFrame(payload, whole);
  expect(faults).toEqual([]);
  return { said: alarms.map((item) => item.alarm), kept: alarms.map(({ encoded }) => JSON.parse(encoded) as unknown) };
}

test("a frame of an agent is a plain JSON array, and its alarms keep the texts that they came with", () => {
  // A number as no JavaScript writes it shows whose text it is.
  const texts = [1, 2, 3].map((seq) => `${JSON.stringify(alarm(seq)).slice(0, -1)},"extra":1.50}`);
  const payload = encodeFrame(texts);
  const said = [1, 2, 3].map((seq) => ({ ...alarm(seq), extra: 1.5 }));
  expect(JSON.parse(payload)).toEqual(said);
  const { alarms } = decodeFrame(payload, whole);
  expect(alarms.map((item) => item.alarm)).toEqual(said);
  expect(alarms.map(({ encoded }) => encoded)).toEqual(texts);
});

test.each([
  ["without line breaks", JSON.stringify([alarm(1), alarm(2)])],
  ["written over many lines", JSON.stringify([alarm(1), alarm(2)], null, 2)],
  ["with breaks where an agent has none", `[${JSON.stringify(alarm(1))} ,\n ${JSON.stringify(alarm(2))}\n]`],
  ["with a break between fields", '[{"a":1,\n"b":2},{"c":3}]'],
  ["with an array of objects in one of them", '[{"a":[{"b":1},\n{"c":2}]},{"d":3}]'],
  ["that is empty", "[]"],
])("another sender's frame %s is the same alarms", (_, payload) => {
  const items = JSON.parse(payload) as unknown[];
  expect(read(payload)).toEqual({ said: items, kept: items });
});

test("what is no array of alarms is one fault, what is no alarm a fault among the others", () => {
  for (const payload of ["", "nonsense", "{}", '[{"a":1},\n{"b":2]', '[{"a":1},\n{"b":2},\n]']) {
    expect(decodeFrame(payload, whole)).toMatchObject({ alarms: [], faults: [{ index: -1, encoded: payload }] });
  }
  const payload = encodeFrame([JSON.stringify(alarm(1)), '{"id":7}', JSON.stringify(alarm(3))]);
  const checked = decodeFrame(payload, (item) => (typeof (item as Alarm).id === "string" ? undefined : "no id"));
  expect(checked.alarms.map((item) => item.alarm.id)).toEqual(["gw-1.e1.1", "gw-1.e1.3"]);
  expect(checked.faults).toEqual([{ index: 1, reason: "no id", encoded: '{"id":7}' }]);
});
