import { expect, test } from "vitest";
import { copyOf } from "../../helpers/copy-of.ts";
import { eventually } from "../../helpers/eventually.ts";
import { tempDir, whenTestFinished } from "../../helpers/temp-dir.ts";
import { T0 } from "../ledger/ledger-fixture.ts";
import { apiFixture } from "./api-fixture.ts";

interface Received {
  id: string;
  event: string;
  data: { kind: string; id: string; center?: string; reason?: string };
}

interface Client {
  status: number;
  /** Everything with data, in order. */
  events: Received[];
  /** The last id that was seen, also without data. */
  lastId: string;
  comments: number;
  ended: boolean;
  close(): void;
}

/** Reads server-sent events as a browser does. */
async function openEvents(url: string, options: { lastEventId?: string; query?: string } = {}): Promise<Client> {
  const abort = new AbortController();
  whenTestFinished(() => abort.abort());
  const headers: Record<string, string> =
    options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId };
  const answer = await fetch(`${url}/v1/events${options.query ?? ""}`, { headers, signal: abort.signal });
  const client: Client = {
    status: answer.status,
    events: [],
    lastId: "",
    comments: 0,
    ended: false,
    close: () => abort.abort(),
  };
  void read(answer, client).catch(() => undefined);
  return client;
}

async function read(answer: Response, client: Client): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n\n");
    rest = blocks.pop() as string;
    for (const block of blocks) take(block, client);
  }
  client.ended = true;
}

function take(block: string, client: Client): void {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    if (line.startsWith(":")) client.comments += 1;
    else fields.set(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2));
  }
  client.lastId = fields.get("id") ?? client.lastId;
  const data = fields.get("data");
  if (data === undefined) return;
  client.events.push({ id: client.lastId, event: fields.get("event") ?? "message", data: JSON.parse(data) });
}

const told = (client: Client): string[] => client.events.map(({ data: { kind, id } }) => `${kind} ${id}`);

test("begins now, and tells each step as it happens", async () => {
  const { url, hold, happen } = await apiFixture();
  await hold({ seq: 1 });
  const client = await openEvents(url);
  await eventually("connected", () => client.lastId !== "");
  const two = await hold({ seq: 2, account: "1001" });
  await eventually("held", () => client.events.length === 1);
  await happen("received", "arc-north", [two]);
  await eventually("received", () => client.events.length === 2);
  expect(told(client)).toEqual([`held ${two}`, `received ${two}`]);
  expect(client.events[1]?.data).toMatchObject({ center: "arc-north", alarm: { account: "1001", point: "zone-2" } });
});

test("resumes behind the last event, also in the middle of a change", async () => {
  const { url, hold, happen } = await apiFixture();
  const first = await openEvents(url);
  await eventually("connected", () => first.lastId !== "");
  const start = first.lastId;
  const ids = await Promise.all([1, 2, 3].map((seq) => hold({ seq })));
  await happen("received", "arc-north", ids);
  await eventually("all told", () => first.events.length === 6);
  first.close();
  for (const [i, lastEventId] of [start, ...first.events.map(({ id }) => id)].entries()) {
    const client = await openEvents(url, { lastEventId });
    await eventually("the rest", () => client.events.length === 6 - i);
    expect(client.events).toEqual(first.events.slice(i));
  }
});

test("begins near a time", async () => {
  const { url, hold } = await apiFixture();
  for (const seq of [1, 2, 3]) await hold({ seq });
  const client = await openEvents(url, { query: `?since=${new Date(T0 + 2_000).toISOString()}` });
  await eventually("two of three", () => client.events.length === 2);
  expect(told(client)).toEqual(["held gw-1.e1.2", "held gw-1.e1.3"]);
});

test("says so when what was seen does not lead here", async () => {
  const { url, hold } = await apiFixture();
  await hold({ seq: 1 });
  const client = await openEvents(url, { lastEventId: "00000000-5" });
  await eventually("reset", () => client.events.length === 1);
  expect(client.events[0]).toMatchObject({ event: "reset", data: { reason: "the ledger was built anew or restored" } });
  expect((await openEvents(url, { lastEventId: "5" })).status).toBe(400);
  expect((await openEvents(url, { query: "?since=noon" })).status).toBe(400);
});

test.each(["while it was closed", "while it was in use"])(
  "resumes over a start of the hub; says so when the ledger was restored from a copy made %s",
  async (when) => {
    const dataDir = tempDir("ledger");
    const first = await apiFixture({ dataDir });
    const early = await openEvents(first.url);
    await first.hold({ seq: 1 });
    await eventually("one told", () => early.events.length === 1);
    const isClosed = when === "while it was closed";
    if (isClosed) first.ledger.close();
    const restore = copyOf(dataDir);
    const second = isClosed ? await apiFixture({ dataDir }) : first;
    const { lastId } = early;
    const client = await openEvents(second.url, { lastEventId: lastId });
    await second.hold({ seq: 2 });
    await eventually("the next told", () => client.events.length === 1);
    expect(told(client)).toEqual(["held gw-1.e1.2"]);

    second.ledger.close();
    restore();
    const restored = await apiFixture({ dataDir });
    for (const seq of [3, 4]) await restored.hold({ seq });
    // Its number was given again, to alarm 3, which it has not seen.
    const resumed = await openEvents(restored.url, { lastEventId: client.lastId });
    await eventually("reset", () => resumed.events.length === 1);
    expect(resumed.events[0]).toMatchObject({ event: "reset" });
    // What was told before the copy means the same.
    const behind = await openEvents(restored.url, { lastEventId: lastId });
    await eventually("the rest", () => behind.events.length === 2);
    expect(told(behind)).toEqual(["held gw-1.e1.3", "held gw-1.e1.4"]);
  },
);

test("a client that does not read costs nothing and gets everything in the end", async () => {
  const { url, hold } = await apiFixture();
  const text = "x".repeat(4_000);
  const answer = await fetch(`${url}/v1/events`);
  let seq = 0;
  // More than the buffers of a connection hold, in several pages.
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, () => hold({ seq: ++seq, text })));
  const client: Client = { status: 200, events: [], lastId: "", comments: 0, ended: false, close: () => undefined };
  void read(answer, client).catch(() => undefined);
  await eventually("all events", () => client.events.length === seq, { timeoutMs: 20_000 });
  expect(new Set(told(client)).size).toBe(seq);
});

test("beats while nothing happens", async () => {
  const { url } = await apiFixture({ heartbeatMs: 20 });
  const client = await openEvents(url);
  await eventually("two heartbeats", () => client.comments >= 2);
});
