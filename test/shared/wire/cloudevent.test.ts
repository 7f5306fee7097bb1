import { expect, test } from "vitest";
import type { Alarm } from "../../../shared/alarm/alarm.ts";
import { decodeDelivery, encodeBatch, encodeEvent } from "../../../shared/wire/cloudevent.ts";
import { CONTENT_TYPES } from "../../../shared/wire/headers.ts";

const alarm: Alarm = {
  id: "gw-1.k3abcdef.42",
  agent: "gw-1",
  point: 'zone "3"\n',
  category: "fire",
  condition: "fire",
  event: "raised",
  priority: "critical",
  acceptedAt: "2026-03-01T12:00:00.000Z",
};

const encode = (given: Alarm, attempt = 1, relayedAgain = false): string =>
  encodeEvent({ ...given, encodedAlarm: JSON.stringify(given), attempt, relayedAgain });

test("an event is a CloudEvent 1.0 in structured JSON", () => {
  expect(JSON.parse(encode(alarm, 3, true))).toEqual({
    specversion: "1.0",
    id: alarm.id,
    source: "/agents/gw-1",
    type: "alarm-relay.alarm.raised",
    subject: alarm.point,
    time: alarm.acceptedAt,
    datacontenttype: "application/json",
    attempt: 3,
    relayedagain: true,
    data: alarm,
  });
});

test("relayedagain is there only when true", () => {
  expect(encode(alarm)).not.toContain("relayedagain");
});

test("the alarm's JSON is spliced, not written again", () => {
  const encodedAlarm = `{ "id":"${alarm.id}", "odd" : 1.0 }`;
  expect(encodeEvent({ ...alarm, encodedAlarm, attempt: 1, relayedAgain: false })).toContain(encodedAlarm);
});

test("a batch comes back as it went", () => {
  const second = { ...alarm, id: "gw-1.k3abcdef.43" };
  const payload = encodeBatch([encode(alarm), encode(second, 2, true)]);
  expect(decodeDelivery(payload, CONTENT_TYPES.cloudEventsBatch)).toEqual({
    alarms: [
      { alarm, attempt: 1, relayedAgain: false },
      { alarm: second, attempt: 2, relayedAgain: true },
    ],
    faults: [],
  });
});

test.each([
  ["its content type", CONTENT_TYPES.cloudEvent],
  ["a content type with parameters", "Application/CloudEvents+JSON; charset=utf-8"],
  ["no content type", undefined],
])("a single event is read with %s", (_, contentType) => {
  expect(decodeDelivery(encode(alarm), contentType).alarms).toEqual([{ alarm, attempt: 1, relayedAgain: false }]);
});

test("one bad item does not hide the others", () => {
  const good = encode(alarm);
  const data = JSON.stringify({ ...alarm, priority: undefined });
  const noPriority = encodeEvent({ ...alarm, encodedAlarm: data, attempt: 1, relayedAgain: false });
  const otherId = encodeEvent({
    ...alarm,
    id: "gw-1.x.1",
    encodedAlarm: JSON.stringify(alarm),
    attempt: 1,
    relayedAgain: false,
  });
  const old = good.replace('"1.0"', '"0.3"');
  const payload = encodeBatch([noPriority, good, "7", otherId, old, '{"specversion":"1.0","type":"x"}']);
  const { alarms, faults } = decodeDelivery(payload, CONTENT_TYPES.cloudEventsBatch);
  expect(alarms.map((item) => item.alarm.id)).toEqual([alarm.id]);
  expect(faults).toEqual([
    { index: 0, id: alarm.id, reason: "data/priority is not a text" },
    { index: 2, id: undefined, reason: "not a JSON object" },
    { index: 3, id: "gw-1.x.1", reason: "id differs from data/id" },
    { index: 4, id: alarm.id, reason: "not a CloudEvent of specversion 1.0" },
    { index: 5, id: undefined, reason: "type is not alarm-relay.alarm.*" },
  ]);
});

test.each([
  ["{", CONTENT_TYPES.cloudEvent, /^not JSON/],
  ["{}", CONTENT_TYPES.cloudEventsBatch, /must be a JSON array/],
  ["[]", "text/plain", /content type text\/plain/],
])("the frame %j as %s is one fault of the whole", (payload, contentType, reason) => {
  expect(decodeDelivery(payload, contentType)).toEqual({
    alarms: [],
    faults: [{ index: -1, id: undefined, reason: expect.stringMatching(reason) as string }],
  });
});

test("fields and attributes of a newer hub are kept", () => {
  const newer = { ...alarm, zoneMap: "b" };
  const event = encode(newer).replace('"specversion"', '"dataref":"x","specversion"');
  expect(decodeDelivery(event, undefined).alarms[0]?.alarm).toEqual(newer);
});
